import type { Delivery } from '../topology/index.ts';
import { serviceOf } from './push-acks.ts';

/** How old the law's news are, and how long its orders take; in seconds, smoothed. Undefined: nothing was heard yet. */
export type LoopDelay = {
  /** Age of the load reports at the tick. */
  readonly reportsSec?: number;
  /** From sending weights to the ACK of a sidecar, over all that answer. */
  readonly ackSec?: number;
};

const TAU_SEC = 10;
/** An ACK is an event, not a value in time: the newest counts by so much. */
const ACK_GAIN = 0.3;

/**
 * Measures the delay of the loop of one service, where it can be: how long a sidecar then takes to pick by the new weights is
 * seen in what it issues, too late and too noisy for the gain.
 */
export function stepLoopDelay(
  before: LoopDelay | undefined,
  input: {
    readonly service: string;
    readonly reportsSec: number | undefined;
    readonly deliveries: readonly Delivery[];
    readonly elapsedSec: number;
  },
): LoopDelay {
  const { service, reportsSec, deliveries, elapsedSec } = input;
  let [sum, count] = [0, 0];
  for (const { kind, resources, latencyMs = 0 } of deliveries) {
    if (kind !== 'Acked' || !resources.some(({ name }) => serviceOf(name) === service)) continue;
    sum += Math.max(0, latencyMs) / 1000;
    count += 1;
  }
  return {
    ...part('reportsSec', smoothed(before?.reportsSec, reportsSec, 1 - Math.exp(-Math.max(0, elapsedSec) / TAU_SEC))),
    ...part('ackSec', smoothed(before?.ackSec, count === 0 ? undefined : sum / count, ACK_GAIN)),
  };
}

/** What is measured of the delay, together; undefined where there are no load reports to measure it on. */
export function loopDelaySec({ reportsSec, ackSec = 0 }: LoopDelay): number | undefined {
  return reportsSec === undefined ? undefined : reportsSec + ackSec;
}

function smoothed(before: number | undefined, value: number | undefined, gain: number): number | undefined {
  if (value === undefined) return before;
  return before === undefined ? value : before + gain * (value - before);
}

function part(name: keyof LoopDelay, value: number | undefined): LoopDelay {
  return value === undefined ? {} : { [name]: value };
}
