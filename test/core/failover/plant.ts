import { type Random, seededRandom } from '../../../src/base/units/index.ts';
import type { FailoverState } from '../../../src/core/failover/index.ts';
import { stepFailover, type Tiers } from '../../../src/core/failover/step-failover.ts';
import type { ServiceLoad } from '../../../src/core/load/index.ts';
import type { Buckets, Endpoint, Sample } from '../../../src/core/topology/index.ts';
import type { ServiceDecision } from '../../../src/core/weights/index.ts';

/** As vLLM has them. */
const BOUNDS_SEC = [0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40];
const STEP_SEC = 0.1;
/** After a tick until sidecars do as they were told, and between what a report counts and the tick that hears of it. */
const PUSH_STEPS = 3;
const REPORT_STEPS = 5;

/** One server of a tier, as good as a test wants it to be. */
export class Server {
  readonly slots: number;
  /** Time to the first token of a request that need not wait, and from there to the last. */
  prefillSec: number;
  readonly decodeSec: number;
  /** Sidecars have given it up. */
  isOut = false;
  /** Its metrics page is read. */
  isHeard = true;
  mostInFlight = 0;
  issued = 0;
  #running: number[] = [];
  #queue: number[] = [];
  #counts = BOUNDS_SEC.map(() => 0);
  #firstTokens = 0;

  constructor(given: { readonly slots: number; readonly prefillSec: number; readonly decodeSec: number }) {
    this.slots = given.slots;
    this.prefillSec = given.prefillSec;
    this.decodeSec = given.decodeSec;
  }

  get inFlight(): number {
    return this.#running.length + this.#queue.length;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  take(): void {
    this.issued += 1;
    this.#queue.push(0);
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
  }

  step(): void {
    this.#running = this.#running.map((left) => left - STEP_SEC).filter((left) => left > 0);
    this.#queue = this.#queue.map((waited) => waited + STEP_SEC);
    while (this.#running.length < this.slots) {
      const waited = this.#queue.shift();
      if (waited === undefined) break;
      this.#running.push(this.prefillSec + this.decodeSec);
      this.#firstTokens += 1;
      for (const [i, bound] of BOUNDS_SEC.entries())
        if (waited + this.prefillSec <= bound) this.#counts[i] = (this.#counts[i] as number) + 1;
    }
  }

  histogram(): { readonly value: number; readonly buckets: Buckets } {
    return { value: this.#firstTokens, buckets: BOUNDS_SEC.map((bound, i) => [bound, this.#counts[i] as number]) };
  }
}

type Report = { readonly inFlight: number; readonly waiting: number; readonly issued: number };

/** A service of two tiers, a server each, sidecars that send the parts that they were told, and the delays of reports and pushes. */
export class TwoTiers {
  readonly servers: readonly [Server, Server];
  perSec: number;
  state: FailoverState | undefined;
  nowMs = 1_800_000_000_000;
  frozen = false;
  diverted = false;
  /** Pools whose servers do not answer prompts in time. */
  cold: readonly string[] = [];
  /** Nothing is heard of sidecars. */
  isSilent = false;
  readonly split: Tiers;
  readonly endpoints: readonly Endpoint[];
  readonly #random: Random;
  #percent = 0;
  #reports: readonly Report[] = [];
  #heard: readonly number[] = [0, 0];

  constructor(given: {
    readonly servers: readonly [Server, Server];
    readonly perSec: number;
    readonly failover: Tiers['failover'];
    readonly seed?: number;
  }) {
    this.servers = given.servers;
    this.perSec = given.perSec;
    this.split = { kind: 'Tiers', tiers: [['core'], ['spare']], failover: given.failover };
    this.endpoints = ['core', 'spare'].map((pool, i) => endpointOf(pool, i));
    this.#random = seededRandom(given.seed ?? 7);
  }

  get percent(): number {
    return this.state?.percent ?? 0;
  }

  seconds(count: number): readonly FailoverState[] {
    return Array.from({ length: count }, () => this.second());
  }

  second(): FailoverState {
    const steps = Math.round(1 / STEP_SEC);
    for (let step = 0; step < steps; step += 1) {
      if (step === PUSH_STEPS) this.#percent = this.percent;
      this.#arrivals();
      for (const server of this.servers) server.step();
      if (step === steps - REPORT_STEPS)
        this.#reports = this.servers.map(({ inFlight, waiting, issued }) => ({ inFlight, waiting, issued }));
    }
    this.nowMs += 1000;
    return this.tick(1);
  }

  /** A tick, whatever the clock says has passed since the last one. */
  tick(elapsedSec: number): FailoverState {
    const load = this.#load();
    this.#heard = this.#reports.map(({ issued }) => issued);
    this.state = stepFailover(this.state, {
      nowMs: this.nowMs,
      elapsedSec,
      split: this.split,
      endpoints: this.endpoints,
      load,
      decision: {
        endpoints: this.endpoints.map(({ id }) => ({ id, health: 'Healthy' })),
      } as unknown as ServiceDecision,
      samples: this.#samples(),
      cold: new Set(this.endpoints.flatMap(({ id, pool }) => (this.cold.includes(pool) ? [id] : []))),
      frozen: this.frozen,
      diverted: this.diverted,
    });
    return this.state;
  }

  #arrivals(): void {
    const [core, spare] = this.servers;
    for (let left = this.#poisson(this.perSec * STEP_SEC); left > 0; left -= 1) {
      const toSpare = 100 * this.#random() < this.#percent;
      (core.isOut || (toSpare && !spare.isOut) ? spare : core).take();
    }
  }

  #load(): ServiceLoad {
    const endpoints = this.endpoints.map(({ id }, i) => {
      const { inFlight = 0, waiting = 0, issued = 0 } = this.#reports[i] ?? {};
      const { slots, isHeard } = this.servers[i] as Server;
      const since = issued - (this.#heard[i] ?? 0);
      return {
        id,
        inFlight,
        waiting,
        issued: this.isSilent ? 0 : since,
        slots,
        slotsKnown: true,
        foreign: 0,
        errorsPerSec: 0,
        engine: isHeard ? 'Fresh' : 'Stale',
      };
    });
    return { service: 'chat', loadReports: this.isSilent ? 'Silent' : 'Fresh', endpoints } as unknown as ServiceLoad;
  }

  #samples(): readonly Sample[] {
    return this.servers.flatMap((server, i): Sample[] => {
      const { address, port } = this.endpoints[i] as Endpoint;
      if (!server.isHeard) return [];
      const times = { sampledAtMs: this.nowMs, changedAtMs: this.nowMs, source: 'engine' };
      return [{ subject: { address, port }, metric: 'timeToFirstTokenSecondsCount', ...server.histogram(), ...times }];
    });
  }

  #poisson(mean: number): number {
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.#random(); product > limit; product *= this.#random()) count += 1;
    return count;
  }
}

function endpointOf(pool: string, i: number): Endpoint {
  const [address, port] = [`10.0.0.${i + 1}`, 8000];
  return {
    id: `chat/${pool}/${address}:${port}`,
    service: 'chat',
    pool,
    address,
    port,
    incarnation: '',
    capacity: 1,
    lifecycle: 'Active',
  };
}

export function core(): Server {
  return new Server({ slots: 64, prefillSec: 0.2, decodeSec: 2 });
}
