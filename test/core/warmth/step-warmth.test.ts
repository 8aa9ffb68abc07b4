import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EndpointLoad, ServiceLoad } from '../../../src/core/load/index.ts';
import type { Policy } from '../../../src/core/policy/index.ts';
import type { EndpointId, PromptResult, Sample } from '../../../src/core/topology/index.ts';
import { coldOnes, type Prompt, type WarmthState, warmthWords } from '../../../src/core/warmth/index.ts';
import { stepWarmth } from '../../../src/core/warmth/step-warmth.ts';
import type { ServiceDecision } from '../../../src/core/weights/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { loaded } from '../policy/load.ts';

const INTERVAL_SEC = 60;

const policies = new Map<string, Policy>();

/** Read once: a property builds hundreds of worlds. */
function policyOf(servers: number, keepWarm: string): Policy {
  const key = `${servers} ${keepWarm}`;
  const ports = Array.from({ length: servers }, (_, i) => i + 1);
  const lines = `      keepWarm: ${keepWarm}\n`;
  const pools = [
    { name: 'first', ports: [9000] },
    { name: 'standby', ports, lines },
  ];
  const tiers = '  split: { mode: Failover, tiers: [[first], [standby]], failover: { firstTokenP95Above: 2s } }\n';
  const policy = policies.get(key) ?? loaded(poolsPolicy(pools, tiers));
  policies.set(key, policy);
  return policy;
}

/** A pool of idle servers, which answer a prompt in the next second; what they say else is up to the story. */
class Standby {
  readonly endpoints;
  readonly #service;
  nowMs: number;
  state: WarmthState = {};
  asked: { readonly atSec: number; readonly id: EndpointId }[] = [];
  result: PromptResult | undefined = { kind: 'Answered', firstByteSec: 0.2 };
  busy: Partial<EndpointLoad> = {};
  draining = false;
  overloaded = false;
  ageSec = 100;
  tokens: number | undefined;
  #sec = 0;
  pending: readonly Prompt[] = [];

  constructor(servers: number, keepWarm = '{ model: llama }', startMs = 1_800_000_000_000) {
    const policy = policyOf(servers, keepWarm);
    this.#service = policy.services[0] as (typeof policy.services)[0];
    this.endpoints = staticEndpointSets(policy).flatMap((set) => set.endpoints);
    this.nowMs = startMs;
  }

  seconds(count: number, elapsedSec = 1): void {
    for (let i = 0; i < count; i += 1) {
      this.nowMs += elapsedSec * 1000;
      this.#sec += 1;
      const { result } = this;
      const answers = result === undefined ? [] : this.pending.map(({ endpoint }) => ({ endpoint, result }));
      const out = stepWarmth(this.state, {
        nowMs: this.nowMs,
        elapsedSec,
        service: this.#service,
        endpoints: this.endpoints,
        load: this.#load(),
        decision: {
          endpoints: this.endpoints.map(({ id }) => ({ id, health: this.draining ? 'Draining' : 'Healthy' })),
        } as unknown as ServiceDecision,
        samples: this.#samples(),
        answers,
        overloaded: this.overloaded,
      });
      this.state = out.state;
      this.pending = out.prompts;
      this.asked.push(...out.prompts.map(({ endpoint: id }) => ({ atSec: this.#sec, id })));
    }
  }

  beliefs(): readonly string[] {
    return Object.values(this.state).map(({ belief }) => belief);
  }

  #load(): ServiceLoad {
    const endpoints = this.endpoints.map(({ id }) => ({ id, inFlight: 0, issued: 0, ...this.busy }) as EndpointLoad);
    return { ageSec: this.ageSec, endpoints } as unknown as ServiceLoad;
  }

  #samples(): readonly Sample[] {
    const { tokens, nowMs } = this;
    if (tokens === undefined) return [];
    return this.endpoints.map(({ address, port }) => ({
      subject: { address, port },
      metric: 'generationTokensTotal',
      value: tokens,
      sampledAtMs: nowMs,
      changedAtMs: nowMs,
      source: 'engine',
    }));
  }
}

describe('servers of a pool that is kept warm', () => {
  it('are all asked within an interval, spread over it, and each about once an interval from then on', () => {
    const standby = new Standby(20);
    standby.seconds(INTERVAL_SEC + 1);
    expect(new Set(standby.asked.map(({ id }) => id)).size).toBe(20);
    const inFirstHalf = standby.asked.filter(({ atSec }) => atSec <= INTERVAL_SEC / 2).length;
    expect(inFirstHalf).toBeGreaterThan(4);
    expect(inFirstHalf).toBeLessThan(17);
    standby.seconds(10 * INTERVAL_SEC);
    for (const { id } of standby.endpoints.filter(({ pool }) => pool === 'standby')) {
      const times = standby.asked.filter((one) => one.id === id).map(({ atSec }) => atSec);
      for (const [i, atSec] of times.entries()) {
        if (i === 0) continue;
        const gapSec = atSec - (times[i - 1] as number);
        expect(gapSec).toBeGreaterThanOrEqual(0.8 * INTERVAL_SEC);
        // The answer comes a tick later, and a tick is a second.
        expect(gapSec).toBeLessThanOrEqual(INTERVAL_SEC + 2);
      }
    }
    expect(standby.asked.some(({ id }) => id.includes('/first/'))).toBe(false);
    expect(standby.beliefs()).toEqual(Array.from({ length: 20 }, () => 'Warm'));
  });

  it('are asked in the way of the policy', () => {
    const standby = new Standby(1, "{ body: '{}', path: /generate, port: 9001, timeout: 5s, interval: 1s }");
    standby.seconds(1);
    expect(standby.pending).toEqual([
      { endpoint: 'chat/standby/127.0.0.1:1', url: 'http://127.0.0.1:9001/generate', body: '{}', timeoutMs: 5000 },
    ]);
  });

  it.each<[string, (standby: Standby) => unknown]>([
    ['has requests of the sidecars', (one) => Object.assign(one, { busy: { inFlight: 1 } })],
    ['was given a request since the last tick', (one) => Object.assign(one, { busy: { issued: 1 } })],
    ['works for others', (one) => Object.assign(one, { busy: { running: 1 } })],
    ['drains', (one) => Object.assign(one, { draining: true })],
    ['is of a service that sheds', (one) => Object.assign(one, { overloaded: true })],
    ['is not known yet: Loadline has just started', (one) => Object.assign(one, { ageSec: 2 })],
  ])('are let alone while one %s', (_, make) => {
    const standby = new Standby(3);
    make(standby);
    standby.seconds(3 * INTERVAL_SEC);
    expect(standby.asked).toEqual([]);
  });

  it('are asked an interval after their last request, and not all at once', () => {
    const standby = new Standby(20);
    standby.busy = { inFlight: 2 };
    standby.seconds(2 * INTERVAL_SEC);
    standby.busy = {};
    standby.seconds(Math.floor(0.8 * INTERVAL_SEC) - 1);
    expect(standby.asked).toEqual([]);
    standby.seconds(INTERVAL_SEC / 2);
    expect(standby.asked.length).toBe(20);
    const most = Math.max(
      ...standby.asked.map(({ atSec }) => standby.asked.filter((one) => one.atSec === atSec).length),
    );
    // Twice the even rate of one in three seconds, in whole ones.
    expect(most).toBe(1);
  });

  it('have one prompt at a time: one that hangs is waited for, and given up only when nobody can answer any more', () => {
    const standby = new Standby(1);
    standby.result = undefined;
    standby.seconds(5 * INTERVAL_SEC);
    const [first, second] = standby.asked;
    // Its timeout, and half a minute for an answer that is on its way.
    expect((second?.atSec ?? 0) - (first?.atSec ?? 0)).toBeGreaterThan(30 + 30);
    expect(standby.beliefs()).toEqual(['Unknown']);
  });

  it('are not asked again by a second Loadline that sees the work of the first on the pages of the engines', () => {
    const alone = new Standby(10);
    alone.tokens = 0;
    const [a, b] = [new Standby(10), new Standby(10, '{ model: llama }', 1_800_000_000_137)];
    let tokens = 0;
    for (let i = 0; i < 20 * INTERVAL_SEC; i += 1) {
      alone.seconds(1);
      for (const one of [a, b]) {
        const before = one.asked.length;
        one.tokens = tokens;
        one.seconds(1);
        tokens += one.asked.length - before;
      }
    }
    // The page of this fleet is one for all ten: so either of the two rests when any of them was asked.
    expect(a.asked.length + b.asked.length).toBeLessThan(1.2 * alone.asked.length);
  });

  it('go on where they were after a restart an hour later, and are not all due', () => {
    const standby = new Standby(20);
    standby.seconds(2 * INTERVAL_SEC);
    const before = standby.asked.length;
    standby.state = JSON.parse(JSON.stringify(standby.state)) as WarmthState;
    standby.seconds(1, 3600);
    expect(standby.asked.length - before).toBeLessThanOrEqual(1);
    // What was answered an hour ago says nothing of now.
    expect(standby.beliefs().filter((belief) => belief === 'Warm').length).toBeLessThanOrEqual(1);
  });

  it('are asked at once when their engine was started anew', () => {
    const standby = new Standby(1);
    standby.tokens = 500;
    standby.seconds(INTERVAL_SEC + 1);
    const before = standby.asked.length;
    standby.seconds(3);
    standby.tokens = 0;
    standby.seconds(1);
    expect(standby.asked.length).toBe(before + 1);
  });
});

describe('a server that does not answer in time', () => {
  it('is cold, is asked again sooner, and is warm when it answers', () => {
    const standby = new Standby(1);
    standby.result = { kind: 'Answered', firstByteSec: 3 };
    standby.seconds(INTERVAL_SEC + 2);
    expect(standby.beliefs()).toEqual(['Cold']);
    expect(coldOnes(standby.state)).toEqual(new Set(['chat/standby/127.0.0.1:1']));
    expect(warmthWords(Object.values(standby.state)[0] as WarmthState[string])).toMatch(
      /^cold for \d+ s: answered in 3\.00 s, slow above 2 s, \d+ s ago$/,
    );
    standby.result = { kind: 'Answered', firstByteSec: 0.2 };
    standby.seconds(INTERVAL_SEC / 4 + 2);
    expect(standby.beliefs()).toEqual(['Warm']);
    expect(coldOnes(standby.state).size).toBe(0);
  });

  it('is unknown again when it has had requests for long: they show how it is', () => {
    const standby = new Standby(1);
    standby.result = { kind: 'Failed', why: 'connection refused' };
    standby.seconds(INTERVAL_SEC + 2);
    standby.busy = { inFlight: 1 };
    standby.seconds(2 * INTERVAL_SEC + 32);
    expect(standby.beliefs()).toEqual(['Unknown']);
  });
});

describe('whatever the clock and the answers do', () => {
  const result = fc.oneof(
    fc.record({ kind: fc.constant('Answered' as const), firstByteSec: fc.double({ min: 0, max: 100, noNaN: true }) }),
    fc.record({ kind: fc.constant('Status' as const), status: fc.integer({ min: 100, max: 999 }) }),
    fc.constant<PromptResult>({ kind: 'Unsent', why: 'x' }),
  );
  it('nobody has two prompts, and what is remembered is finite', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ result: fc.option(result, { nil: undefined }), sec: fc.integer({ min: -100, max: 500 }) }),
          { maxLength: 60 },
        ),
        (steps) => {
          const standby = new Standby(3, '{ model: llama, interval: 2s }');
          for (const { result: next, sec } of steps) {
            standby.result = next;
            const pending = Object.entries(standby.state).filter(
              ([, one]) => one.askedSec !== null && next === undefined && one.askedSec + Math.max(0, sec) <= 60,
            );
            const before = standby.asked.length;
            standby.seconds(1, sec);
            const again = standby.asked.slice(before).map(({ id }) => id);
            expect(pending.filter(([id]) => again.includes(id))).toEqual([]);
            for (const one of Object.values(standby.state))
              for (const value of Object.values(one))
                if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
