import { describe, expect, it } from 'vitest';
import { rolloutText } from '../../src/cli/commands/rollout.ts';
import { decodeRollout, encodeRollout } from '../../src/edge/admin/rollout-message.ts';
import type { GroupRolloutView, RolloutView } from '../../src/edge/observe/index.ts';

const LAB: GroupRolloutView = {
  group: 'lab',
  sidecars: 3,
  holdMs: 30_000,
  heldSinceMs: 95_000,
  canaries: [{ nodeId: 'a', standing: 'Synced', sinceMs: 94_000 }],
};
const NOTHING: RolloutView = { running: null, waiting: null, byHand: null, last: undefined };
const BY_HAND = { operations: ['drain-7k2m', 'shed-p4qx'], startedAtMs: 90_000, groups: [LAB] };

/** As somebody at a terminal reads what went over the wire. */
function text(view: RolloutView): string {
  return rolloutText(decodeRollout(encodeRollout(view, 100_000)), false);
}

describe('loadline rollout status', () => {
  it('says so when nothing is tried', () => {
    expect(text(NOTHING)).toBe('nothing is tried\n');
  });

  it('shows what canaries try by hand, how long they still hold it, and which policy waits for that', () => {
    const lines = text({ ...NOTHING, waiting: 'a1b2c3', byHand: BY_HAND }).split('\n');
    expect(lines[0]).toBe('drain-7k2m, shed-p4qx: on canaries first since 10 s (loadline operations list)');
    expect(lines[1]).toBe('lab: 1 of 3 sidecars, hold 30 s: 25 s to go');
    expect(lines[3]).toMatch(/^ {2}a +Synced +6\.0 s$/);
    expect(lines.at(-2)).toBe('revision a1b2c3 waits until canaries are free');
    expect(lines.join()).not.toContain('nothing is tried');
  });

  it('names no operation to who may not view every service', () => {
    const first = text({ ...NOTHING, byHand: { ...BY_HAND, operations: [] } }).split('\n')[0];
    expect(first).toBe('what is done by hand: on canaries first since 10 s (loadline operations list)');
  });

  it('has all of it on the wire', () => {
    const running = { cause: 'Policy', from: 'r1', to: 'r2', startedAtMs: 5000, groups: [LAB] } as const;
    const view: RolloutView = { running, waiting: 'r3', byHand: BY_HAND, last: undefined };
    expect(decodeRollout(encodeRollout(view, 100_000))).toEqual({ ...view, nowMs: 100_000 });
  });
});
