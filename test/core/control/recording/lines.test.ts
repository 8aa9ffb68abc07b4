import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLine } from '../../../../src/core/control/index.ts';
import { groupSamples, ungroupSamples } from '../../../../src/core/control/recording/sample-groups.ts';
import type { Sample } from '../../../../src/core/topology/index.ts';

const HEADER = { kind: 'Header', format: 'loadline-recording', version: 1, program: '0.1.0', startedAtMs: 1 };

const anySample: fc.Arbitrary<Sample> = fc
  .record({
    metric: fc.constantFrom('runningRequests', 'gpuUtilRatio', 'kvUsageRatio'),
    value: fc.oneof(fc.double({ noDefaultInfinity: true }), fc.constant(Number.NaN)),
    sampledAtMs: fc.constantFrom(1000.25, 2000),
    changedAtMs: fc.constantFrom(1000.25, 500),
    source: fc.constantFrom('engine a', 'gpu b'),
    subject: fc.constantFrom({ address: '10.0.0.1', port: 80 }, { gpu: 'GPU-1' }),
    device: fc.constantFrom('Whole', 'Partitioned', undefined),
  })
  .map(({ device, ...sample }) => ({ ...sample, ...(device === undefined ? {} : { device }) }) as Sample);

describe('samples in a recording', () => {
  it('come back as they were and in their order', () => {
    fc.assert(
      fc.property(fc.array(anySample), (samples) => {
        // JSON has no -0; nothing tells it from 0.
        const plain = samples.map((one) => ({ ...one, value: one.value + 0 }));
        expect(ungroupSamples(JSON.parse(JSON.stringify(groupSamples(plain))))).toEqual(plain);
      }),
    );
  });

  it('of one page are one group', () => {
    const page = ['runningRequests', 'waitingRequests', 'kvUsageRatio'].map((metric) => ({
      metric: metric as Sample['metric'],
      value: 1,
      sampledAtMs: 5,
      changedAtMs: 5,
      source: 's',
      subject: { address: '10.0.0.1', port: 80 },
    }));
    expect(groupSamples(page)).toHaveLength(1);
  });
});

describe('a line of a recording', () => {
  it.each([
    ['{"kind":"Tic', true, /^expected one JSON object, got "\{\\"kind\\":\\"Tic": /],
    ['', true, /^expected one JSON object, got an empty line/],
    ['7', false, /expected object/],
    ['{"kind":"Tock"}', false, /^kind: .*Tick/],
    ['{"kind":"Gap","ticks":"3"}', false, /^ticks: .*expected number/],
    [
      JSON.stringify({ ...HEADER, version: 9, program: '7.0.0' }),
      false,
      /^version: expected 2, got 9: replay it with Loadline 7\.0\.0/,
    ],
    [
      '{"kind":"Tick","nowMs":1,"samples":[{"source":"s","subject":{},"sampledAtMs":1,"values":[["x","3"]]}],"reports":[],"presence":[],"decisions":{}}',
      false,
      /^samples\.0\.values\.0\.1: .*expected number/,
    ],
  ])('%s is refused with what was expected', (text, broken, reason) => {
    const read = readLine(text);
    expect(read).toMatchObject({ ok: false, broken });
    expect(read.ok ? '' : read.reason).toMatch(reason);
  });

  it('may say more than today knows', () => {
    expect(readLine(JSON.stringify({ ...HEADER, host: 'a' }))).toMatchObject({ ok: true, line: HEADER });
  });
});
