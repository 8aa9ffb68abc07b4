import type { ProfileInput } from '../modelserver/index.ts';

/** What the demo says about one model server; the rest of a server's profile is the model server's default. */
export type FleetServer = {
  readonly name: string;
  readonly generation: 'new' | 'old';
  readonly slots: number;
  readonly speed: number;
  /** What differs from the demo's engine. */
  readonly engine?: ProfileInput;
};

/** Engine constants that both generations share; facts of the model server (design notes of the lab). */
export const ENGINE = { stepMs: 30, bend: 1, prefillTokensPerSec: 20_000 } as const;

const NEW_GENERATION = { generation: 'new', slots: 48, speed: 1 } as const;
const OLD_GENERATION = { generation: 'old', slots: 20, speed: 0.6 } as const;

/**
 * Eight servers of two GPU generations, as a fleet looks after its second purchase: the old ones are slower and, with
 * less memory, hold smaller batches. least_request sees the first only through what it has in flight itself, and the
 * second not at all.
 */
export const FLEET: readonly FleetServer[] = [1, 2, 3, 4]
  .map((number): FleetServer => ({ name: `new-${number}`, ...NEW_GENERATION }))
  .concat([1, 2, 3, 4].map((number): FleetServer => ({ name: `old-${number}`, ...OLD_GENERATION })));

/** The server whose GPU slows down: one of those that carry most. */
export const SLOWED_SERVER = 0;

/** Mean lengths of a request, in tokens. */
export type MeanLengths = { readonly promptTokens: number; readonly outputTokens: number };

/**
 * Requests per second that the servers can end when every slot is busy: a request holds a slot while its prompt is read
 * and for one step of a full batch per output token. Prompts are read one at a time, which is a second limit.
 */
export function fleetCapacityPerSec(fleet: readonly FleetServer[], lengths: MeanLengths): number {
  return fleet.reduce((sum, { slots, speed }) => {
    const prefillSec = lengths.promptTokens / (ENGINE.prefillTokensPerSec * speed);
    const decodeSec = ((lengths.outputTokens - 1) * ENGINE.stepMs * (1 + ENGINE.bend)) / 1000 / speed;
    return sum + Math.min(slots / (prefillSec + decodeSec), 1 / prefillSec);
  }, 0);
}
