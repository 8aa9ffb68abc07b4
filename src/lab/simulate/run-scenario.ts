import { type Random, seededRandom } from '../../base/units/index.ts';
import { type Arrival, drawArrivals } from './arrivals.ts';
import { Clients, REPORT_MS } from './clients.ts';
import { Controller, type Division } from './controller.ts';
import { EventQueue } from './event-queue.ts';
import { Fleet } from './fleet.ts';
import {
  issuedPerSec,
  type Moment,
  type Outcome,
  outcomeOf,
  type Request,
  type Run,
  serverFigures,
} from './measures.ts';
import { type Arm, capacityOf, type Event, type Headers, type Scenario } from './scenario.ts';
import { type Every, Sensors, sensingOfAll } from './sensors.ts';
import type { LoadBalancer } from './sidecar/picker.ts';
import type { Sidecar } from './sidecar/sidecar.ts';
import type { Observer } from './virtual-server.ts';

/** An epoch that clocks of machines have, so that the law's checks of times see ordinary ones. */
const START_MS = 1_800_000_000_000;
const TICK_MS = 1000;
const WEIGH_MS = 1000;
const IMBALANCE_MS = 500;
const MOMENT_MS = 1000;
/** After the last arrival, for requests under way; what is not done by then never is. */
const DRAIN_MS = 120_000;

/** One run of one arm, in virtual time. The same seed gives every arm the same requests. */
export function runScenario(scenario: Scenario, arm: Arm, seed: number): Outcome {
  return recordScenario(scenario, arm, seed).outcome;
}

/** The same, and where the requests went. `watchful: false` takes from the law what it sees of itself. */
export function recordScenario(
  scenario: Scenario,
  arm: Arm,
  seed: number,
  options: { readonly watchful: boolean } = { watchful: true },
): Run {
  return new Simulation(scenario, arm, seed, options.watchful).run();
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #arm: Arm;
  readonly #queue = new EventQueue(START_MS);
  readonly #fleet: Fleet;
  readonly #clients: Clients;
  readonly #controller: Controller | undefined;
  readonly #sensors: Sensors | undefined;
  readonly #requests: Request[] = [];
  readonly #sidecarOf: (Sidecar | undefined)[] = [];
  /** Of each request, one way between its sidecar and its server. */
  readonly #wayMs: number[] = [];
  readonly #imbalances: number[] = [];
  readonly #seconds: Moment[] = [];
  #division: Division;
  #pushes = 0;

  constructor(scenario: Scenario, arm: Arm, seed: number, watchful = true) {
    this.#scenario = scenario;
    this.#arm = arm;
    const { sidecars, signals } = scenario;
    this.#fleet = new Fleet(scenario, {
      queue: this.#queue,
      observer: this.#observer(),
      random: seededRandom(seed * 7919 + 17),
      onMembers: () => {
        if (this.#controller === undefined) this.#push({ weights: this.#fixedWeights() });
      },
    });
    this.#division = { weights: this.#fixedWeights() };
    this.#clients = new Clients(scenario, this.#fleet.hosts, {
      loadBalancer: loadBalancerOf(scenario, arm),
      clientSide: arm === 'ClientSideWeightedRoundRobin',
      seed,
      nowMs: START_MS,
      division: this.#division,
    });
    this.#await(drawArrivals(scenario, seededRandom(seed)), 0);
    for (const event of scenario.events) this.#queue.at(START_MS + event.atMs, () => this.#happen(event));
    this.#every(IMBALANCE_MS, scenario.warmUpMs, () => this.#lookAtImbalance());
    this.#every(MOMENT_MS, MOMENT_MS, () => this.#seconds.push(this.#moment()));
    const { autoscaler } = scenario;
    if (autoscaler !== undefined)
      this.#every(autoscaler.periodMs, autoscaler.periodMs, () => this.#fleet.scale(autoscaler));
    if (arm === 'ClientSideWeightedRoundRobin')
      this.#every(WEIGH_MS, WEIGH_MS, () => this.#clients.weigh(this.#queue.nowMs));
    if (arm !== 'Loadline') return;
    this.#controller = new Controller(scenario, this.#fleet.hosts, watchful);
    // Streams of their own, so that a signal more or less changes nothing else.
    const streamOf = (salt: number): Random => seededRandom(seed * 613 + salt);
    const [pagePhase, gpuPhase, reportPhase, jitter] = [streamOf(31), streamOf(37), streamOf(41), streamOf(43)];
    this.#sensors = new Sensors(this.#fleet, scenario, {
      every: this.#every,
      now: () => this.#queue.nowMs,
      pagePhase,
      gpuPhase,
    });
    for (let index = 0; signals.loadReports && index < sidecars; index += 1) {
      this.#every(REPORT_MS, reportPhase() * REPORT_MS, () =>
        this.#clients.report(index, this.#queue.nowMs, (deliver) => {
          const atMs = this.#queue.nowMs + signals.reportDelayMs + jitter() * signals.reportJitterMs;
          this.#queue.at(atMs, () => deliver(atMs));
        }),
      );
    }
    this.#every(TICK_MS, TICK_MS, () => this.#tick());
  }

  run(): Run {
    const { durationMs, warmUpMs, slo, servers } = this.#scenario;
    this.#queue.runUntil(START_MS + durationMs + DRAIN_MS);
    const requests = this.#requests;
    const measured = { warmUpMs, durationMs, slo, imbalances: this.#imbalances, pushes: this.#pushes };
    return {
      outcome: outcomeOf(requests, measured),
      issued: issuedPerSec(requests, { servers: servers.length, durationMs }),
      crossedRatio: this.#crossed(),
      servers: serverFigures(requests, { servers: servers.length, warmUpMs, slo }),
      seconds: this.#seconds,
      herdsAtMs: (this.#controller?.herdsAtMs ?? []).map((atMs) => atMs - START_MS),
    };
  }

  #crossed(): number {
    const { zones, warmUpMs } = this.#scenario;
    const counted = this.#requests.flatMap(({ arrivedMs, host }, id) =>
      arrivedMs < warmUpMs || host === undefined ? [] : [(this.#wayMs[id] as number) > 0],
    );
    return zones === undefined || counted.length === 0 ? 0 : counted.filter(Boolean).length / counted.length;
  }

  readonly #every: Every = (periodMs, fromMs, run) => {
    const again = (atMs: number): void => {
      if (atMs > this.#scenario.durationMs) return;
      this.#queue.at(START_MS + atMs, () => {
        run();
        again(atMs + periodMs);
      });
    };
    again(fromMs);
  };

  /** One arrival plans the next, so that the queue stays short. */
  #await(arrivals: readonly Arrival[], next: number): void {
    const arrival = arrivals[next];
    if (arrival === undefined) return;
    this.#queue.at(START_MS + arrival.atMs, () => {
      this.#await(arrivals, next + 1);
      this.#arrive(arrival);
    });
  }

  #arrive({ sidecar: client, promptTokens, outputTokens }: Arrival): void {
    const id = this.#requests.length;
    const sidecar = this.#clients.at(client);
    const host = sidecar?.pick();
    this.#requests.push({
      arrivedMs: this.#queue.nowMs - START_MS,
      outputTokens,
      host,
      firstTokenMs: undefined,
      finishedMs: undefined,
      failed: host === undefined,
    });
    this.#sidecarOf.push(sidecar);
    this.#wayMs.push(host === undefined ? 0 : this.#wayOf(client, host));
    if (host === undefined) return;
    const submit = (): void => this.#fleet.servers[host]?.submit(id, promptTokens, outputTokens);
    if (this.#wayMs[id] === 0) submit();
    else this.#onTheWay(id, submit);
  }

  #wayOf(sidecar: number, server: number): number {
    const { zones } = this.#scenario;
    return zones === undefined || zones.ofSidecars[sidecar] === zones.ofServers[server] ? 0 : zones.crossMs;
  }

  #onTheWay(id: number, run: () => void): void {
    const wayMs = this.#wayMs[id] as number;
    if (wayMs === 0) run();
    else this.#queue.at(this.#queue.nowMs + wayMs, run);
  }

  #observer(): Observer {
    const { servers } = this.#scenario;
    const ofAll = sensingOfAll(this.#scenario);
    const headersOf: readonly Headers[] = servers.map(({ sensing }) => (sensing ?? ofAll).headers);
    const of = (id: number) => {
      const request = this.#requests[id];
      const sidecar = this.#sidecarOf[id];
      if (request?.host === undefined || sidecar === undefined) throw new Error(`nobody sent request ${id}`);
      return { request, sidecar, host: request.host };
    };
    /** Of what comes with the headers, a server's word on itself interests one policy only. */
    const answered = (sidecar: Sidecar, host: number): void => {
      if (this.#arm !== 'ClientSideWeightedRoundRobin') return;
      const report = this.#fleet.servers[host]?.orca();
      if (report !== undefined) sidecar.orca(host, report, this.#queue.nowMs);
    };
    const respond = (sidecar: Sidecar, host: number): void => {
      sidecar.headers(host);
      answered(sidecar, host);
    };
    const seen: Observer = {
      accepted: (id) => {
        const { sidecar, host } = of(id);
        if (headersOf[host] === 'Immediate') respond(sidecar, host);
      },
      firstToken: (id) => {
        const { request, sidecar, host } = of(id);
        request.firstTokenMs = this.#queue.nowMs - START_MS;
        if (headersOf[host] === 'FirstToken') respond(sidecar, host);
      },
      finished: (id) => {
        const { request, sidecar, host } = of(id);
        request.finishedMs = this.#queue.nowMs - START_MS;
        if (headersOf[host] === 'AtEnd') respond(sidecar, host);
        sidecar.finished(host);
      },
      failed: (id) => {
        const { request, sidecar, host } = of(id);
        request.failed = true;
        sidecar.failed(host);
        answered(sidecar, host);
      },
    };
    // Without zones nothing is ever on the way, and this is the busiest place of a run.
    if (this.#scenario.zones === undefined) return seen;
    return {
      accepted: (id) => this.#onTheWay(id, () => seen.accepted(id)),
      firstToken: (id) => this.#onTheWay(id, () => seen.firstToken(id)),
      finished: (id) => this.#onTheWay(id, () => seen.finished(id)),
      failed: (id) => this.#onTheWay(id, () => seen.failed(id)),
    };
  }

  #happen(event: Event): void {
    if (event.kind !== 'SidecarRestart') {
      this.#fleet.happen(event, START_MS);
      return;
    }
    this.#clients.stop(event.sidecar, this.#queue.nowMs);
    this.#queue.at(START_MS + event.backAtMs, () => this.#clients.restart(event.sidecar, this.#queue.nowMs));
  }

  #tick(): void {
    const nowMs = this.#queue.nowMs;
    const samples = (this.#sensors as Sensors).take(nowMs);
    const isThere = (host: number): boolean => this.#fleet.isThere(host);
    const division = (this.#controller as Controller).tick(nowMs, isThere, { samples, ...this.#clients.take() });
    if (sameDivision(division, this.#division)) return;
    if (nowMs - START_MS >= this.#scenario.warmUpMs) this.#pushes += 1;
    this.#push(division);
  }

  /** What they would be without a controller: equal, or the oracle's, for those that are there. */
  #fixedWeights(): readonly number[] {
    return this.#scenario.servers.map((server, index) => {
      if (!this.#fleet.isThere(index)) return 0;
      return this.#arm === 'Oracle' ? capacityOf(server) : 1;
    });
  }

  #push(division: Division): void {
    this.#division = division;
    this.#queue.at(this.#queue.nowMs + this.#scenario.signals.pushMs, () => this.#clients.divide(division));
  }

  #moment(): Moment {
    return { inFlight: this.#fleet.servers.map(({ inFlight }) => inFlight), weights: this.#division.weights };
  }

  #lookAtImbalance(): void {
    const imbalance = this.#fleet.imbalance();
    if (imbalance !== undefined) this.#imbalances.push(imbalance);
  }
}

/** With Loadline what its policy says, which is least request where there is none. */
function loadBalancerOf({ governance }: Scenario, arm: Arm): LoadBalancer {
  if (arm === 'RoundRobin' || arm === 'ClientSideWeightedRoundRobin') return 'RoundRobin';
  if (arm !== 'Loadline' || governance === undefined) return 'LeastRequest';
  const type = governance.policy.services.find(({ name }) => name === governance.service)?.loadBalancer.type;
  // What picks by a hash is not rehearsed (lab/rehearse).
  return type === 'RoundRobin' ? 'RoundRobin' : 'LeastRequest';
}

function sameDivision(a: Division, b: Division): boolean {
  return sameShares(a.weights, b.weights) && JSON.stringify(a.zones) === JSON.stringify(b.zones);
}

/** Weights are what they are to one another, whatever their numbers. */
function sameShares(a: readonly number[], b: readonly number[]): boolean {
  const [mostOfA, mostOfB] = [Math.max(...a), Math.max(...b)];
  return a.every((weight, index) => weight * mostOfB === (b[index] as number) * mostOfA);
}
