import { describe, expect, it } from 'vitest';
import {
  beliefEvents,
  type ControlState,
  INITIAL_STATE,
  type TickOutput,
  tick,
} from '../../../src/core/control/index.ts';
import type { Metric, Sample } from '../../../src/core/topology/index.ts';
import { reasonsOf } from '../../../src/core/weights/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { loaded } from '../policy/load.ts';
import { Fleet, fleetPolicy, fleetText } from './fleet.ts';

const START_MS = 1_800_000_000_000;
const LOST = 'chat/gpu/10.0.0.2:8000';

/** Ticks of three servers, of which the second's GPU tells these values; what was told of it, and the last decision. */
function told(seconds: readonly Partial<Record<Metric, number>>[], lines = '') {
  const policy = fleetPolicy({ lines });
  let state: ControlState = INITIAL_STATE;
  let out: TickOutput | undefined;
  const events = seconds.flatMap((values, sec) => {
    const nowMs = START_MS + sec * 1000;
    const samples = Object.entries(values).map(([metric, value]): Sample => {
      const subject = { address: '10.0.0.2', port: 8000, gpu: 'GPU-0' };
      return { subject, metric: metric as Metric, value, sampledAtMs: nowMs, changedAtMs: nowMs, source: 'test' };
    });
    const endpointSets = staticEndpointSets(policy);
    out = tick(state, { nowMs, policy, endpointSets, samples, reports: [], presence: [] });
    const found = beliefEvents(state, out);
    state = out.state;
    return found;
  });
  const decision = out?.plan.decisions.chat;
  return {
    events: events.map(({ kind, subject, message }) => [kind, subject, message]),
    decided: decision?.endpoints.find(({ id }) => id === LOST),
    reason: decision && reasonsOf(decision, out?.loads.chat).get(LOST),
  };
}

describe('what is told of beliefs', () => {
  it('is who drains for its GPU and why, once, and when it is back', () => {
    const down = told([{ xidCode: 0 }, { xidCode: 79 }, { xidCode: 79 }, {}]);
    expect(down.events).toEqual([
      [
        'EndpointDrained',
        LOST,
        'its GPU reported XID 79 (the GPU has fallen off the bus) of GPU-0: it gets no new requests',
      ],
    ]);
    expect(down.decided).toMatchObject({ health: 'Draining' });
    expect(down.reason).toMatch(/^drains: its GPU reported XID 79/);
    const back = told([{ xidCode: 0 }, { xidCode: 79 }, { xidCode: 0 }]);
    expect(back.events.map(([kind]) => kind)).toEqual(['EndpointDrained', 'EndpointReturned']);
    expect(back.decided).toMatchObject({ health: 'Healthy' });
  });

  it('is nothing of a code of unknown age', () => {
    expect(told([{ xidCode: 79 }, { xidCode: 79 }]).events).toEqual([]);
  });

  it.each([
    '  loadBalancer: { weights: Shadow }\n',
    '  loadBalancer: { weights: Disabled }\n',
    '  signals: { gpu: { exporter: { portOffset: 100 }, fatalXid: Ignore } }\n',
  ])('is no drain with %j', (lines) => {
    const { events, decided } = told([{ xidCode: 0 }, { xidCode: 79 }, { xidCode: 79 }], lines);
    expect(events).toEqual([]);
    expect(decided).toMatchObject({ health: 'Healthy' });
  });

  it('is which signal came to contradict itself, and when it ceased to', () => {
    const { events } = told([{ gpuUtilRatio: 0.5 }, { gpuUtilRatio: 3 }, { gpuUtilRatio: 3 }, { gpuUtilRatio: 0.6 }]);
    expect(events).toEqual([
      ['SignalConflict', LOST, 'gpu reads 300 %, which cannot be: the last good value stands, and ages'],
      ['SignalAgrees', LOST, 'gpu says what can be again'],
    ]);
  });
});

describe('what is told of a ladder', () => {
  it('is each new level with its reason, and its end', () => {
    const text = fleetText({
      servers: 1,
      lines: '  overload: { enterAt: 1, leaveAt: 0.8, actions: [{ shed: { class: P3, upTo: 100% } }] }\n',
    })
      .replace('{ address: 10.0.0.1, port: 8000,', '{ address: 10.0.0.1, port: 8000, maxRunningRequests: 80,')
      .replace(
        'modelServices: [chat]',
        'modelServices: [chat]\n  trafficClasses: { use: standard, allow: [P2, P3], default: P2 }',
      );
    const classes = `apiVersion: loadline.dev/v1alpha1
kind: TrafficClasses
metadata: { name: standard }
spec: { header: x-class, classes: [{ name: P2 }, { name: P3 }] }
`;
    const fleet = new Fleet(loaded(text, classes), [2]);
    const events: (readonly string[])[] = [];
    const run = (seconds: number): void => {
      for (let second = 0; second < seconds; second += 1) {
        const before = fleet.state;
        fleet.run(1);
        const found = beliefEvents(before, { state: fleet.state, loads: fleet.loads });
        events.push(...found.map(({ kind, subject, message }) => [kind, subject, message]));
      }
    };
    run(20);
    expect(events).toEqual([
      [
        'OverloadLevel',
        'chat',
        expect.stringMatching(
          /^level 1 of 1, P3 \d+ % shed; saturation \d+\.\d\d: \d+ in flight for 80 slots of 1 server$/,
        ),
      ],
    ]);
    expect(fleet.state.plan?.sheds).toEqual({ 'chat/P3': expect.any(Number) });
    fleet.speeds[0] = 1000;
    run(80);
    expect(events.slice(1)).toEqual([
      ['OverloadOver', 'chat', expect.stringMatching(/^nothing is shed; saturation \d\.\d\d: /)],
    ]);
    expect(fleet.state.plan?.sheds).toBeUndefined();
  });
});
