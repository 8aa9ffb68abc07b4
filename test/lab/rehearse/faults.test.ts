import { describe, expect, it } from 'vitest';
import { planRehearsal, readTexts } from '../../../src/lab/rehearse/index.ts';
import type { Event } from '../../../src/lab/simulate/index.ts';
import { policyWith, pool } from './policy.ts';

const policy = policyWith(`${pool('h100', 2)}\n${pool('a10', 2)}`);

function eventsOf(...texts: readonly string[]): readonly Event[] {
  const { faults = [] } = readTexts({ faults: texts, burst: undefined, autoscaler: undefined });
  return planRehearsal({ policy, faults, sidecars: 4 }).scenario.events;
}

function mistakeIn(texts: { readonly fault?: string; readonly burst?: string }): string {
  const { fault, burst } = texts;
  try {
    readTexts({ faults: fault === undefined ? [] : [fault], burst, autoscaler: undefined });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a fault in words', () => {
  it('begins, and heals at until', () => {
    expect(eventsOf('t=60s server=3 speed=0.5 until=120s')).toEqual([
      { kind: 'Condition', server: 3, atMs: 60_000, change: { speed: 0.5 } },
      { kind: 'Condition', server: 3, atMs: 120_000, change: { speed: 1 } },
    ]);
    expect(eventsOf('t=1m server=0 foreignLoad=0.4')).toEqual([
      { kind: 'Condition', server: 0, atMs: 60_000, change: { foreignLoad: 0.4 } },
    ]);
  });

  it.each([
    ['failRatio=0.7', ['Sinkhole', 'Sinkhole']],
    ['crash', ['Crash']],
    ['crash=true', ['Crash']],
    ['freeze', ['Condition', 'Condition']],
    ['staleMetrics', ['FreezeMetrics']],
    ['clock=0.7', ['FalseClock', 'FalseClock']],
    ['absent cold=10s', ['Leave', 'Join']],
  ])('may be %s', (effect, kinds) => {
    expect(eventsOf(`t=10s server=1 until=20s ${effect}`).map(({ kind }) => kind)).toEqual(kinds);
  });

  it('that is a cold start ends by itself', () => {
    expect(eventsOf('t=10s server=1 coldStart=18s')).toEqual([
      { kind: 'ColdStart', server: 1, atMs: 10_000, forMs: 18_000 },
    ]);
  });

  it('is about a server by number, by address or by pool and address, or about all of a pool', () => {
    const serversOf = (text: string): readonly unknown[] =>
      eventsOf(text).map((event) => ('server' in event ? event.server : undefined));
    expect(serversOf('t=1s server=2 crash')).toEqual([2]);
    expect(serversOf('t=1s server=10.0.3.1:8000 crash')).toEqual([2]);
    expect(serversOf('t=1s server=a10/10.0.3.2:8000 crash')).toEqual([3]);
    expect(serversOf('t=1s pool=a10 crash')).toEqual([2, 3]);
  });

  it('that makes requests fail comes with a word on what is not simulated', () => {
    const notesOf = (text: string): string =>
      planRehearsal({ policy, ...readTexts({ faults: [text], burst: undefined, autoscaler: undefined }) }).notes.join();
    expect(notesOf('t=1s server=1 crash')).toContain('outlier ejection are not simulated');
    expect(notesOf('t=1s server=1 speed=0.5')).not.toContain('not simulated');
    expect(notesOf('t=1h server=1 speed=0.5')).toContain('t=1h server=1 speed=0.5: comes after the run (5m)');
  });

  it('may be about a sidecar', () => {
    expect(eventsOf('t=10s sidecar=3 until=15s')).toEqual([
      { kind: 'SidecarRestart', sidecar: 3, atMs: 10_000, backAtMs: 15_000 },
    ]);
  });

  it('from the start absent joins later, and is not there before', () => {
    expect(eventsOf('t=0s server=1 until=30s absent cold=5s')).toEqual([
      { kind: 'Join', server: 1, atMs: 30_000, coldMs: 5000 },
    ]);
  });

  it.each([
    ['server=1 crash', 'expected t, the time at which it begins'],
    ['t=60 server=1 crash', 't: expected a duration such as "90s" or "2m", got 60'],
    ['t=60s crash', 'expected one of server, pool and sidecar'],
    ['t=60s server=1 pool=h100 crash', 'expected one of server, pool and sidecar'],
    ['t=60s server=1', 'expected one of speed, foreignLoad'],
    ['t=60s server=1 crash speed=0.5', 'expected one of speed, foreignLoad'],
    ['t=60s server=1 speed=20', 'speed: expected a number from 0 to 10, got 20'],
    ['t=60s server=1 sped=0.5', 'unknown key "sped"; allowed are t, until, server'],
    ['t=60s server=1 speed=0.5 until=60s', 'until: expected a time after t'],
    ['t=60s server=1 coldStart=18s until=90s', 'until: a cold start ends by itself'],
    ['t=60s server=1 crash cold=5s', 'cold: expected only with absent'],
    ['t=60s sidecar=1', 'expected until, the time at which another sidecar is there'],
    ['t=60s sidecar=1 until=70s crash', 'sidecar: a sidecar can only go and come back'],
  ])('%s is refused', (text, words) => {
    expect(mistakeIn({ fault: text })).toContain(words);
  });

  it('is refused about somebody who is not there, with those who are', () => {
    expect(() => eventsOf('t=1s server=4 crash')).toThrow(
      't=1s server=4 crash: no such server; there are 0 h100/10.0.4.1:8000, 1 h100/10.0.4.2:8000, 2 a10/10.0.3.1:8000',
    );
    expect(() => eventsOf('t=1s pool=b200 crash')).toThrow('no such server');
    expect(() => eventsOf('t=1s sidecar=4 until=2s')).toThrow('there are only 4 sidecars, numbered from 0');
  });
});

describe('a burst and an autoscaler in words', () => {
  it('have all of their keys', () => {
    const texts = { burst: 'factor=2.5 every=40s for=8s', autoscaler: 'least=4, every=15s, target=0.6, cold=20s' };
    expect(readTexts({ ...texts, faults: undefined })).toEqual({
      burst: { factor: 2.5, everyMs: 40_000, forMs: 8000 },
      autoscaler: { least: 4, everyMs: 15_000, target: 0.6, coldMs: 20_000 },
    });
  });

  it.each([
    ['factor=2.5 every=40s', 'for is missing: expected a duration'],
    ['factor=2.5 every=4s for=8s', 'for: expected at most every'],
    ['factor=0.5 every=40s for=8s', 'factor: expected a number from 1 to 100, got 0.5'],
  ])('burst %s is refused', (text, words) => {
    expect(mistakeIn({ burst: text })).toContain(words);
  });
});
