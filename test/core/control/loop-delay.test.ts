import { describe, expect, it } from 'vitest';
import { type LoopDelay, loopDelaySec, stepLoopDelay } from '../../../src/core/control/loop-delay.ts';
import type { Delivery } from '../../../src/core/topology/index.ts';

const acked = (latencyMs: number, name = 'chat'): Delivery => ({
  nodeId: 'a',
  typeUrl: 'eds',
  kind: 'Acked',
  resources: [{ name, version: 'v' }],
  atMs: 1,
  latencyMs,
});

function ticks(count: number, reportsSec: number | undefined, deliveries: readonly Delivery[] = []): LoopDelay {
  let delay: LoopDelay | undefined;
  for (let at = 0; at < count; at++)
    delay = stepLoopDelay(delay, { service: 'chat', reportsSec, deliveries, elapsedSec: 1 });
  return delay as LoopDelay;
}

describe('the measured delay of the loop', () => {
  it('is the age of the reports and the time to the ACK', () => {
    expect(loopDelaySec(ticks(3, 0.5))).toBeCloseTo(0.5, 12);
    expect(loopDelaySec(ticks(3, 0.5, [acked(100), acked(300)]))).toBeCloseTo(0.7, 12);
  });

  it('is unknown without load reports, whatever sidecars acknowledge', () => {
    expect(loopDelaySec(ticks(3, undefined, [acked(100)]))).toBeUndefined();
  });

  it('follows a change within half a minute, and forgets nothing while it hears nothing', () => {
    const before = ticks(10, 0.5, [acked(100)]);
    let delay = before;
    for (let at = 0; at < 30; at++)
      delay = stepLoopDelay(delay, { service: 'chat', reportsSec: 20, deliveries: [], elapsedSec: 1 });
    expect(delay.reportsSec).toBeGreaterThan(18);
    const silent = stepLoopDelay(before, { service: 'chat', reportsSec: undefined, deliveries: [], elapsedSec: 1 });
    expect(silent).toEqual(before);
  });

  it('hears the ACKs of its own service alone', () => {
    expect(ticks(3, 0.5, [acked(9000, 'embed')])).toEqual({ reportsSec: 0.5 });
  });
});
