import { describe, expect, it } from 'vitest';
import { FLEET } from '../../../src/lab/demo/fleet.ts';
import { type Frame, type LaneFrame, liveTable } from '../../../src/lab/demo/live-table.ts';
import { Screen } from '../../../src/lab/demo/screen.ts';
import { summary } from '../../../src/lab/demo/summary.ts';
import { clock, latency, textTable } from '../../../src/lab/demo/text-table.ts';
import { sampleReport } from './sample-report.ts';

const lane: LaneFrame = {
  weights: FLEET.map((_, server) => 1000 - server * 100),
  shares: FLEET.map(() => 0.125),
  inFlight: FLEET.map(() => 17),
  open: 136,
  firstTokenP50Ms: 48,
  firstTokenP99Ms: 4321,
  goodputRatio: 0.654,
  errors: 0,
};
const nothingYet: LaneFrame = {
  ...lane,
  weights: undefined,
  shares: undefined,
  inFlight: undefined,
  firstTokenP50Ms: undefined,
  firstTokenP99Ms: undefined,
};
const frame: Frame = {
  tMs: 65_000,
  endMs: 180_000,
  phase: 'slowed',
  slowServer: 0,
  fleet: FLEET,
  lanes: { leastRequest: { ...lane, goodputRatio: 0.5, open: 99 }, loadline: lane },
};

function recorded(isTTY: boolean, columns = 120): { screen: Screen; written: string[] } {
  const written: string[] = [];
  return { screen: new Screen({ isTTY, columns, write: (text) => written.push(text) }), written };
}

describe('the live table', () => {
  it('shows every server and both lanes', () => {
    const text = liveTable(frame).join('\n');
    expect(text).toContain('1:05 of 3:00');
    for (const { name } of FLEET) expect(text).toContain(name);
    expect(text).toMatch(/new-1 SLOW .*12\.5 % +17 +\| +1000 +12\.5 % +17/);
    expect(text).toMatch(/first token p99, last 10 s +4\.3 s +4\.3 s/);
    expect(text).toMatch(/whole run +50\.0 % +65\.4 %/);
    expect(text).toMatch(/client errors +0 +0/);
  });

  it('has a dash for what is not known yet, and the same height', () => {
    const lines = liveTable({ ...frame, tMs: -3000, lanes: { leastRequest: nothingYet, loadline: nothingYet } });
    expect(lines).toHaveLength(liveTable(frame).length);
    expect(lines.join('\n')).not.toMatch(/undefined|NaN/);
    expect(lines[0]).toMatch(/^-0:03 of 3:00/);
  });
});

describe('the screen', () => {
  it('redraws in place on a terminal, and never wraps a line', () => {
    const { screen, written } = recorded(true, 60);
    screen.draw(frame);
    screen.draw(frame);
    const height = liveTable(frame).length;
    expect(written[0]).not.toContain(`\x1b[${height}A`);
    expect(written[1]!.startsWith(`\x1b[${height}A`)).toBe(true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
    for (const line of written[1]!.split('\n')) expect(line.replace(/\x1b\[\d*[A-Z]/g, '').length).toBeLessThan(60);
    screen.print(['the end']);
    screen.draw(frame);
    expect(written.at(-1)).not.toContain(`\x1b[${height}A`);
  });

  it('writes a line every five seconds where there is no terminal', () => {
    const { screen, written } = recorded(false);
    for (let second = 0; second < 11; second += 1) screen.draw({ ...frame, tMs: second * 1000 });
    expect(written).toHaveLength(3);
    expect(written[1]).toMatch(/^0:05 slowed \| least request: first token 48 ms \/ 4\.3 s, in time 50\.0 %.*\n$/);
    expect(written.join('')).not.toContain('\x1b');
  });
});

describe('the summary', () => {
  it('says what was run, what came out and the verdict', () => {
    const text = summary(sampleReport()).join('\n');
    expect(text).toContain('seed 11');
    expect(text).toMatch(/new-1 ran at 0\.5 of its speed from 60 s to 120 s/);
    expect(text).toMatch(/only client errors count from it/);
    expect(text).toMatch(/slowed +least request +\d+ +50 ms/);
    expect(text).toMatch(/weights 12\.5 % to 6\.7 %, 50 % of the move after 4\.\d s/);
    expect(text).toMatch(/eds 36/);
    expect(text).toMatch(/Verdict: Better \(goodput of the whole run/);
    expect(text).not.toMatch(/undefined|NaN|null/);
  });

  it('names the errors', () => {
    expect(summary(sampleReport({ clientErrors: 3 })).join('\n')).toContain('loadline: 3 × StreamReset ECONNRESET');
  });
});

describe('words for a person', () => {
  it('have units that fit their size', () => {
    expect([latency(3.4), latency(999.4), latency(999.6), latency(61_000), latency(null)]).toEqual([
      '3 ms',
      '999 ms',
      '1.0 s',
      '61.0 s',
      '-',
    ]);
    expect([clock(0), clock(59_900), clock(61_000), clock(-61_000)]).toEqual(['0:00', '0:59', '1:01', '-1:01']);
  });

  it('stand in columns', () => {
    expect(
      textTable([
        ['a', '10'],
        ['long', '1'],
      ]),
    ).toEqual(['a     10', 'long   1']);
  });
});
