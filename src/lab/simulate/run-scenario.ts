import { type Random, seededRandom } from '../../base/units/index.ts';
import type { LoadReport, NodePresence, Sample } from '../../core/topology/index.ts';
import { type Arrival, drawArrivals } from './arrivals.ts';
import { Controller, GROUP, SERVICE } from './controller.ts';
import { EventQueue } from './event-queue.ts';
import { GpuExporter } from './gpu-exporter.ts';
import { type Outcome, outcomeOf, type Request } from './measures.ts';
import type { Arm, Event, Scenario } from './scenario.ts';
import { Sidecar } from './sidecar/sidecar.ts';
import { type Observer, VirtualServer } from './virtual-server.ts';

/** An epoch that clocks of machines have, so that the law's checks of times see ordinary ones. */
const START_MS = 1_800_000_000_000;
const TICK_MS = 1000;
const REPORT_MS = 1000;
const PAGE_MS = 500;
const GPU_MS = 1000;
/** From a decision to the changed picks of a sidecar: one ACK, and the next request. */
const PUSH_MS = 100;
const IMBALANCE_MS = 500;
/** After the last arrival, for requests under way; what is not done by then never is. */
const DRAIN_MS = 120_000;

/** One run of one arm, in virtual time. The same seed gives every arm the same requests. */
export function runScenario(scenario: Scenario, arm: Arm, seed: number): Outcome {
  return new Run(scenario, arm, seed).outcome();
}

class Run {
  readonly #scenario: Scenario;
  readonly #queue = new EventQueue(START_MS);
  readonly #servers: readonly VirtualServer[];
  readonly #sidecars: readonly Sidecar[];
  readonly #controller: Controller | undefined;
  readonly #requests: Request[] = [];
  readonly #sidecarOf: number[] = [];
  readonly #pages: Sample[][];
  readonly #frozen = new Set<number>();
  readonly #imbalances: number[] = [];
  #reports: LoadReport[] = [];
  #presence: NodePresence[];
  #weights: readonly number[];
  #pushes = 0;

  constructor(scenario: Scenario, arm: Arm, seed: number) {
    this.#scenario = scenario;
    const { servers, sidecars, workers } = scenario;
    const loadBalancer = arm === 'RoundRobin' ? 'RoundRobin' : 'LeastRequest';
    const random = seededRandom(seed * 7919 + 17);
    const hosts = servers.map((_, index) => ({ address: `10.0.0.${index + 1}`, port: 8000 }));
    this.#servers = servers.map(
      ({ profile }, index) =>
        new VirtualServer(hosts[index] as (typeof hosts)[number], profile, {
          queue: this.#queue,
          observer: this.#observer(),
          random,
        }),
    );
    this.#sidecars = Array.from(
      { length: sidecars },
      (_, index) =>
        new Sidecar(`envoy-${index}`, hosts, { loadBalancer, workers, random: seededRandom(seed * 1009 + index) }),
    );
    this.#controller = arm === 'Loadline' ? new Controller(hosts, servers) : undefined;
    this.#pages = servers.map(() => []);
    this.#weights = servers.map(() => 1);
    this.#presence = this.#sidecars.map(({ id: nodeId }) => ({
      nodeId,
      group: GROUP,
      kind: 'Connected',
      atMs: START_MS,
      envoyVersion: '1.40.0',
    }));
    if (arm === 'Oracle') {
      for (const sidecar of this.#sidecars)
        sidecar.setWeights(servers.map(({ profile }) => profile.speed * profile.slots));
    }
    this.#plan(seed);
  }

  outcome(): Outcome {
    const { durationMs, warmUpMs, slo } = this.#scenario;
    this.#queue.runUntil(START_MS + durationMs + DRAIN_MS);
    const imbalances = this.#imbalances;
    const shifted = this.#requests.map((request) => ({
      ...request,
      arrivedMs: request.arrivedMs - START_MS,
      ...relative(request),
    }));
    return outcomeOf(shifted, { warmUpMs, durationMs, slo, imbalances, pushes: this.#pushes });
  }

  #plan(seed: number): void {
    const { durationMs, events, signals, warmUpMs } = this.#scenario;
    // Streams of their own, so that a signal more or less changes nothing else.
    const phaseOf = (salt: number): Random => seededRandom(seed * 613 + salt);
    const [pagePhase, gpuPhase, reportPhase] = [phaseOf(31), phaseOf(37), phaseOf(41)];
    for (const arrival of drawArrivals(this.#scenario, seededRandom(seed))) {
      this.#queue.at(START_MS + arrival.atMs, () => this.#arrive(arrival));
    }
    for (const event of events) this.#queue.at(START_MS + event.atMs, () => this.#happen(event));
    this.#every(IMBALANCE_MS, warmUpMs, durationMs, () => this.#lookAtImbalance());
    if (this.#controller === undefined) return;
    if (signals.engine) {
      this.#servers.forEach((server, index) => {
        const startMs = pagePhase() * PAGE_MS;
        this.#every(PAGE_MS, startMs, durationMs, () => {
          if (!this.#frozen.has(index)) (this.#pages[index] as Sample[]).push(...server.page());
        });
      });
    }
    const { gpu } = signals;
    if (gpu !== 'None') {
      this.#servers.forEach((server, index) => {
        const exporter = new GpuExporter(server.host, gpu, { nowMs: START_MS, random: gpuPhase });
        this.#every(GPU_MS, gpuPhase() * GPU_MS, durationMs, () => {
          (this.#pages[index] as Sample[]).push(exporter.page(this.#queue.nowMs, server.occupiedMs()));
        });
      });
    }
    if (signals.loadReports) {
      for (const sidecar of this.#sidecars) {
        this.#every(REPORT_MS, reportPhase() * REPORT_MS, durationMs, () => this.#report(sidecar));
      }
    }
    this.#every(TICK_MS, TICK_MS, durationMs, () => this.#tick());
  }

  #every(periodMs: number, fromMs: number, untilMs: number, run: () => void): void {
    const again = (atMs: number): void => {
      if (atMs > untilMs) return;
      this.#queue.at(START_MS + atMs, () => {
        run();
        again(atMs + periodMs);
      });
    };
    again(fromMs);
  }

  #arrive({ sidecar, promptTokens, outputTokens }: Arrival): void {
    const id = this.#requests.length;
    const host = (this.#sidecars[sidecar] as Sidecar).pick();
    this.#requests.push({
      arrivedMs: this.#queue.nowMs,
      outputTokens,
      host,
      firstTokenMs: undefined,
      finishedMs: undefined,
      failed: false,
    });
    this.#sidecarOf.push(sidecar);
    (this.#servers[host] as VirtualServer).submit(id, promptTokens, outputTokens);
  }

  #observer(): Observer {
    const { headers } = this.#scenario.signals;
    const of = (id: number): { request: Request; sidecar: Sidecar } => ({
      request: this.#requests[id] as Request,
      sidecar: this.#sidecars[this.#sidecarOf[id] as number] as Sidecar,
    });
    return {
      accepted: (id) => {
        const { request, sidecar } = of(id);
        if (headers === 'Immediate') sidecar.headers(request.host);
      },
      firstToken: (id) => {
        const { request, sidecar } = of(id);
        request.firstTokenMs = this.#queue.nowMs;
        if (headers === 'FirstToken') sidecar.headers(request.host);
      },
      finished: (id) => {
        const { request, sidecar } = of(id);
        request.finishedMs = this.#queue.nowMs;
        if (headers === 'AtEnd') sidecar.headers(request.host);
        sidecar.finished(request.host);
      },
      failed: (id) => {
        const { request, sidecar } = of(id);
        request.failed = true;
        sidecar.failed(request.host);
      },
    };
  }

  #happen(event: Event): void {
    const server = this.#servers[event.server] as VirtualServer;
    if (event.kind === 'Condition') server.setCondition(event.change);
    else if (event.kind === 'Sinkhole') server.setSinkhole(event.ratio);
    else if (event.kind === 'Crash') server.crash(START_MS + event.backAtMs);
    else this.#frozen.add(event.server);
  }

  #report(sidecar: Sidecar): void {
    this.#reports.push({
      nodeId: sidecar.id,
      receivedAtMs: this.#queue.nowMs,
      intervalMs: REPORT_MS,
      absentMeansIdle: true,
      clusters: [{ cluster: SERVICE, endpoints: sidecar.report() }],
    });
  }

  #tick(): void {
    const nowMs = this.#queue.nowMs;
    const seenMs = nowMs - this.#scenario.signals.engineDelayMs;
    const samples: Sample[] = [];
    this.#pages.forEach((page, index) => {
      samples.push(...page.filter(({ sampledAtMs }) => sampledAtMs <= seenMs));
      this.#pages[index] = page.filter(({ sampledAtMs }) => sampledAtMs > seenMs);
    });
    const weights = (this.#controller as Controller).tick(nowMs, {
      samples,
      reports: this.#reports,
      presence: this.#presence,
    });
    this.#reports = [];
    this.#presence = [];
    if (weights.every((weight, index) => weight === this.#weights[index])) return;
    const changes = !sameShares(weights, this.#weights);
    this.#weights = weights;
    if (!changes) return;
    if (nowMs - START_MS >= this.#scenario.warmUpMs) this.#pushes += 1;
    this.#queue.at(nowMs + PUSH_MS, () => {
      for (const sidecar of this.#sidecars) sidecar.setWeights(weights);
    });
  }

  #lookAtImbalance(): void {
    const pressures = this.#servers.map(({ pressure }) => pressure);
    const mean = pressures.reduce((sum, one) => sum + one, 0) / pressures.length;
    if (mean > 0) this.#imbalances.push(Math.max(...pressures) / mean);
  }
}

/** Equal weights are equal whatever their number. */
function sameShares(a: readonly number[], b: readonly number[]): boolean {
  return a.every((weight, index) => weight * (b[0] as number) === (b[index] as number) * (a[0] as number));
}

function relative({ firstTokenMs, finishedMs }: Request): Pick<Request, 'firstTokenMs' | 'finishedMs'> {
  return {
    firstTokenMs: firstTokenMs === undefined ? undefined : firstTokenMs - START_MS,
    finishedMs: finishedMs === undefined ? undefined : finishedMs - START_MS,
  };
}
