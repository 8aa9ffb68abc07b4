import { describe, expect, it } from 'vitest';
import { ACK_WAIT_MS, PushMeter } from '../../../src/core/control/push-acks.ts';
import type { Delivery, NodePresence } from '../../../src/core/topology/index.ts';

const T = 1_800_000_000_000;
const word = (kind: Delivery['kind'], nodeId: string, atMs: number, latencyMs?: number, name = 'chat'): Delivery => ({
  nodeId,
  typeUrl: 'eds',
  kind,
  resources: [{ name, version: 'v' }],
  atMs: T + atMs,
  ...(latencyMs === undefined ? {} : { latencyMs }),
});
const left = (nodeId: string, atMs: number): NodePresence => ({
  nodeId,
  group: 'lab',
  kind: 'Disconnected',
  atMs: T + atMs,
  envoyVersion: '',
});

/** A push at 0, then one tick a second with what was heard before it. */
function ticksOf(ticks: readonly (readonly (Delivery | NodePresence)[])[], meter = new PushMeter('chat')) {
  meter.step({ nowMs: T, pushed: true, deliveries: [], presence: [] });
  return ticks.map((heard, at) =>
    meter.step({
      nowMs: T + 1000 * (at + 1),
      pushed: false,
      deliveries: heard.filter((one): one is Delivery => 'typeUrl' in one),
      presence: heard.filter((one): one is NodePresence => 'group' in one),
    }),
  );
}

describe('the way of a push to the sidecars', () => {
  it('ends with the ACK of the last sidecar that it went to', () => {
    const [first, second] = ticksOf([
      [
        word('Sent', 'a', 2),
        word('Sent', 'b', 3),
        word('Sent', 'c', 4),
        word('Acked', 'b', 10, 7),
        word('Acked', 'a', 40, 38),
      ],
      [word('Acked', 'c', 1204, 1200)],
    ]);
    expect(first).toEqual([]);
    expect(second).toEqual([{ pushedAtMs: T, medianMs: 40, lastMs: 1204, acked: 3, missing: 0 }]);
  });

  it('does not wait for who refuses and who leaves, and for nobody for ever', () => {
    const sent = ['a', 'b', 'c', 'd'].map((id) => word('Sent', id, 1));
    const ticks = ticksOf([
      [...sent, word('Acked', 'a', 9, 8), word('Nacked', 'b', 9, 8)],
      [left('c', 1500)],
      ...Array.from({ length: 30 }, () => []),
    ]);
    const at = ticks.findIndex((done) => done.length > 0);
    expect(at + 1).toBe(ACK_WAIT_MS / 1000);
    expect(ticks[at]).toEqual([{ pushedAtMs: T, medianMs: 9, lastMs: 9, acked: 1, missing: 3 }]);
  });

  it('takes an ACK of something newer for one, and of something older for none', () => {
    const meter = new PushMeter('chat');
    // Of the push before, which the sidecar still owes an answer.
    meter.step({ nowMs: T - 1000, pushed: true, deliveries: [word('Sent', 'slow', -900)], presence: [] });
    const [first, second, third] = ticksOf(
      [[word('Acked', 'slow', 500, 1400), word('Sent', 'slow', 500)], [], [word('Acked', 'slow', 2600, 2100)]],
      meter,
    );
    expect([first, second]).toEqual([
      [{ pushedAtMs: T - 1000, medianMs: 1500, lastMs: 1500, acked: 1, missing: 0 }],
      [],
    ]);
    expect(third).toEqual([{ pushedAtMs: T, medianMs: 2600, lastMs: 2600, acked: 1, missing: 0 }]);
  });

  it('is about its own service, whole or by pool', () => {
    const other = ticksOf([[word('Sent', 'a', 1, undefined, 'embed'), word('Acked', 'a', 5, 4, 'embed')], []]);
    expect(other[1]).toEqual([{ pushedAtMs: T, medianMs: undefined, lastMs: undefined, acked: 0, missing: 0 }]);
    const pool = ticksOf([[word('Sent', 'a', 1, undefined, 'chat/gpu'), word('Acked', 'a', 5, 4, 'chat/gpu')]]);
    expect(pool[0]).toMatchObject([{ lastMs: 5, acked: 1 }]);
  });
});
