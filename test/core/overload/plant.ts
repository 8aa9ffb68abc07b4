import { type Random, seededRandom } from '../../../src/base/units/index.ts';
import type { ServiceLoad } from '../../../src/core/load/index.ts';
import type { Ladder } from '../../../src/core/overload/ladder.ts';
import type { OverloadState } from '../../../src/core/overload/overload-state.ts';
import { stepOverload } from '../../../src/core/overload/step-overload.ts';
import type { Endpoint } from '../../../src/core/topology/index.ts';

const STEP_SEC = 0.1;
/** After a tick until sidecars shed by it, and between what a report counts and the tick that hears of it. */
const PUSH_STEPS = 2;
const REPORT_STEPS = 5;
export const ENDPOINT = { id: 'chat/gpu/10.0.0.1:8000', lifecycle: 'Active' } as unknown as Endpoint;

export function loadOf(
  given: {
    readonly inFlight?: number;
    readonly issued?: number;
    readonly slots?: number;
    readonly requestTimeSec?: number;
    readonly loadReports?: ServiceLoad['loadReports'];
  } & Readonly<Record<string, unknown>>,
): ServiceLoad {
  const { inFlight = 0, issued = 0, slots = 64, requestTimeSec = 1, loadReports = 'Fresh', ...more } = given;
  const endpoint = { id: ENDPOINT.id, inFlight, issued, slots, slotsKnown: true, foreign: 0, bad: false, ...more };
  return { service: 'chat', loadReports, requestTimeSec, endpoints: [endpoint] } as unknown as ServiceLoad;
}

/**
 * Servers with so many slots and a queue before them, requests of random lengths at random times, and the delays of reports and
 * pushes: the simplest world in which a ladder that is too quick, or too slow, swings.
 */
export class Plant {
  readonly slots: number;
  readonly requestSec: number;
  /** Requests per second that clients send, by class. */
  offered: Readonly<Record<string, number>> = {};
  state: OverloadState | undefined;
  nowMs = 1_800_000_000_000;
  completed = 0;
  readonly #ladder: Ladder;
  readonly #random: Random;
  #running: number[] = [];
  #queue = 0;
  #percents: Readonly<Record<string, number>> = {};
  #issued = 0;
  #told: { readonly inFlight: number; readonly issued: number } = { inFlight: 0, issued: 0 };
  #heardIssued = 0;

  constructor(ladder: Ladder, { slots, requestSec, seed }: { slots: number; requestSec: number; seed: number }) {
    this.#ladder = ladder;
    this.slots = slots;
    this.requestSec = requestSec;
    this.#random = seededRandom(seed);
  }

  /** What the servers complete in a second while all slots are in use; an end is seen half a step late. */
  get capacity(): number {
    return this.slots / (this.requestSec + STEP_SEC / 2);
  }

  get inFlight(): number {
    return this.#running.length + this.#queue;
  }

  second(): OverloadState {
    const steps = Math.round(1 / STEP_SEC);
    for (let step = 0; step < steps; step += 1) {
      if (step === PUSH_STEPS) this.#percents = this.state?.percents ?? {};
      this.#step();
      if (step === steps - REPORT_STEPS) this.#told = { inFlight: this.inFlight, issued: this.#issued };
    }
    this.nowMs += 1000;
    const issued = this.#told.issued - this.#heardIssued;
    this.#heardIssued = this.#told.issued;
    const load = loadOf({
      inFlight: this.#told.inFlight,
      issued,
      slots: this.slots,
      requestTimeSec: Math.min(60, Math.max(1, this.requestSec)),
    });
    this.state = stepOverload(this.state, {
      nowMs: this.nowMs,
      elapsedSec: 1,
      load,
      endpoints: [ENDPOINT],
      ladder: this.#ladder,
    });
    return this.state;
  }

  #step(): void {
    for (const [name, perSec] of Object.entries(this.offered)) {
      for (let left = this.#poisson(perSec * STEP_SEC); left > 0; left -= 1) {
        if (100 * this.#random() < (this.#percents[name] ?? 0)) continue;
        this.#issued += 1;
        this.#queue += 1;
      }
    }
    const before = this.#running.length;
    this.#running = this.#running.map((leftSec) => leftSec - STEP_SEC).filter((leftSec) => leftSec > 0);
    this.completed += before - this.#running.length;
    while (this.#queue > 0 && this.#running.length < this.slots) {
      this.#queue -= 1;
      this.#running.push(this.requestSec * (0.5 + this.#random()));
    }
  }

  #poisson(mean: number): number {
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.#random(); product > limit; product *= this.#random()) count += 1;
    return count;
  }
}
