import type { Random } from '../../../src/base/units/index.ts';
import type { Endpoint, Lifecycle, Metric } from '../../../src/core/topology/index.ts';

export type Value = readonly [metric: Metric, value: number, gpu?: string];

/** Fatal ones, harmless ones, and none. */
const XIDS = [0, 0, 0, 13, 31, 48, 79, 94, 119, 154];

/** One server of a hostile world: its load walks at random, and its exporters have one vice each. */
export class HostileServer {
  readonly frozen: boolean;
  readonly partitioned: boolean;
  endpoint: Endpoint;
  readonly #random: Random;
  readonly #engine: boolean;
  readonly #gpus: number;
  readonly #util: 'Honest' | 'Pinned' | 'Half' | 'None';
  #inFlight: number;
  #issued = 0;
  #succeeded = 0;
  #errors = 0;
  #sick = false;
  #tokens = 1000;
  #clockHertz = 1.98e9;
  #xid = 0;
  #throttle = 0;
  #throttledSec = 100;
  readonly #tells: { readonly clock: boolean; readonly xid: boolean; readonly throttle: boolean };
  #startedSec = 1_700_000_000;
  #speed: number;

  constructor(random: Random, endpoint: Endpoint) {
    this.#random = random;
    this.endpoint = endpoint;
    this.#engine = random() < 0.7;
    this.frozen = random() < 0.1;
    this.partitioned = random() < 0.15;
    this.#gpus = Math.floor(random() * 3);
    this.#util = (['Honest', 'Honest', 'Pinned', 'Half', 'None'] as const)[Math.floor(random() * 5)] ?? 'None';
    this.#tells = { clock: random() < 0.6, xid: random() < 0.7, throttle: random() < 0.5 };
    this.#inFlight = Math.floor(random() * 40);
    this.#speed = 0.2 + random();
  }

  /** A second passes. Twins of an alike world all speak through the first, so that only it needs to live. */
  live(spokesman: HostileServer): void {
    if (spokesman !== this) return;
    const draw = this.#random();
    if (draw < 0.01) this.#sick = !this.#sick;
    if (draw > 0.99) this.#clockHertz = 2e8 + this.#random() * 2e9;
    if (draw > 0.98 && draw < 0.99) this.#speed = 0.2 + this.#random();
    const trouble = this.#random();
    if (trouble < 0.02) this.#xid = XIDS[Math.floor(this.#random() * XIDS.length)] ?? 0;
    if (trouble > 0.95) this.#throttle = Math.round(this.#random() * 4) / 4;
    this.#throttledSec += this.#throttle;
    const before = this.#inFlight;
    this.#inFlight = Math.max(0, Math.round(before + (this.#random() - 0.5) * 12));
    const done = Math.floor(this.#random() * (1 + before * 0.3 * this.#speed));
    this.#errors = this.#sick ? Math.floor(this.#random() * 20) : 0;
    this.#issued = Math.max(0, done + this.#errors + this.#inFlight - before);
    this.#succeeded = done;
    this.#tokens += this.#inFlight * 50 * this.#speed;
  }

  /** Another process behind the same address: counters start again; discovery may or may not notice. */
  restart(noticed: boolean): void {
    this.#tokens = 0;
    this.#startedSec += 1000;
    if (noticed) this.endpoint = { ...this.endpoint, incarnation: `${this.endpoint.incarnation}+` };
  }

  turn(lifecycle: Lifecycle): void {
    this.endpoint = { ...this.endpoint, lifecycle };
  }

  page(): Value[] {
    const values: Value[] = [];
    const slots = this.endpoint.maxRunningRequests ?? 48;
    const running = Math.min(this.#inFlight, slots);
    if (this.#engine) {
      values.push(
        ['runningRequests', running],
        ['waitingRequests', this.#inFlight - running],
        ['kvUsageRatio', Math.min(1, running / 50)],
        ['generationTokensTotal', this.#tokens],
        ['promptTokensTotal', this.#tokens * 3],
        ['processStartTimeSeconds', this.#startedSec],
      );
    }
    for (let gpu = 0; gpu < this.#gpus; gpu += 1) {
      const id = `GPU-${gpu}`;
      if (this.#tells.clock) values.push(['smClockHertz', this.#clockHertz, id]);
      if (this.#tells.xid) values.push(['xidCode', this.#xid, id], ['recentXidCode', this.#xid, id]);
      if (this.#tells.throttle)
        values.push(
          ['throttleRatio', this.#throttle, id],
          ['throttledSecondsTotal', this.#throttledSec, id],
          ['recentThrottleCount', 20 * this.#throttle, id],
        );
      if (this.#util !== 'None') values.push(['gpuUtilRatio', this.#utilOf(running / slots), `GPU-${gpu}`]);
    }
    return values;
  }

  /** What one of so many sidecars says of it. */
  share(nodes: number): { inFlight: number; issued: number; succeeded: number; errors: number } {
    return {
      inFlight: this.#inFlight / nodes,
      issued: this.#issued / nodes,
      succeeded: this.#succeeded / nodes,
      errors: this.#errors / nodes,
    };
  }

  #utilOf(load: number): number {
    return this.#util === 'Pinned' ? 1 : this.#util === 'Half' ? 0.5 * load : load;
  }
}
