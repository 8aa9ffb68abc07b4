import { type Random, seededRandom } from '../../base/units/index.ts';
import type { LoadReport, NodePresence } from '../../core/topology/index.ts';
import { type Division, groupOf, serviceOf } from './controller.ts';
import type { Scenario } from './scenario.ts';
import { type Host, Sidecar } from './sidecar/sidecar.ts';
import type { Given } from './sidecar/zone-picker.ts';

/** The interval that Loadline asks its Envoys for. */
export const REPORT_MS = 1000;

type Options = {
  readonly loadBalancer: 'RoundRobin' | 'LeastRequest';
  readonly clientSide: boolean;
  readonly seed: number;
  readonly nowMs: number;
  readonly division: Division;
};

/** The sidecars: who sends what where, and what the controller hears of it. */
export class Clients {
  readonly #scenario: Scenario;
  readonly #hosts: readonly Host[];
  readonly #options: Options;
  readonly #sidecars: (Sidecar | undefined)[];
  readonly #reports: LoadReport[] = [];
  readonly #presence: NodePresence[] = [];
  #division: Division;
  #restarts = 0;

  constructor(scenario: Scenario, hosts: readonly Host[], options: Options) {
    this.#scenario = scenario;
    this.#hosts = hosts;
    this.#options = options;
    this.#division = options.division;
    this.#sidecars = Array.from({ length: scenario.sidecars }, (_, index) =>
      this.#start(index, `envoy-${index}`, options.seed * 1009 + index, options.nowMs),
    );
  }

  /** The sidecar of a client, or who stands in for it. */
  at(index: number): Sidecar | undefined {
    for (let step = 0; step < this.#sidecars.length; step += 1) {
      const sidecar = this.#sidecars[(index + step) % this.#sidecars.length];
      if (sidecar !== undefined) return sidecar;
    }
    return undefined;
  }

  stop(index: number, nowMs: number): void {
    const sidecar = this.#sidecars[index];
    if (sidecar === undefined) return;
    this.#sidecars[index] = undefined;
    this.#tell(index, sidecar.id, 'Disconnected', nowMs);
  }

  restart(index: number, nowMs: number): void {
    this.#restarts += 1;
    const seed = this.#options.seed * 1009 + this.#scenario.sidecars + this.#restarts;
    this.#sidecars[index] = this.#start(index, `envoy-${index}-${this.#restarts}`, seed, nowMs);
  }

  /** Gives each what is for its zone. */
  divide(division: Division): void {
    this.#division = division;
    for (const [index, sidecar] of this.#sidecars.entries()) sidecar?.setWeights(this.#givenTo(index));
  }

  weigh(nowMs: number): void {
    for (const sidecar of this.#sidecars) sidecar?.weigh(nowMs);
  }

  /** The report of one, which is taken now and comes a little later. */
  report(index: number, nowMs: number, delayed: (deliver: (atMs: number) => void) => void): void {
    const sidecar = this.#sidecars[index];
    if (sidecar === undefined) return;
    const omitBusy = this.#scenario.signals.reportsOmitBusy;
    const clusters = [{ cluster: serviceOf(this.#scenario), endpoints: sidecar.report(omitBusy) }];
    const report = { nodeId: sidecar.id, intervalMs: REPORT_MS, absentMeansIdle: !omitBusy, clusters };
    if (this.#scenario.signals.reportDelayMs + this.#scenario.signals.reportJitterMs === 0)
      this.#reports.push({ ...report, receivedAtMs: nowMs });
    else delayed((receivedAtMs) => this.#reports.push({ ...report, receivedAtMs }));
  }

  /** What came since the last time. */
  take(): { readonly reports: readonly LoadReport[]; readonly presence: readonly NodePresence[] } {
    return { reports: this.#reports.splice(0), presence: this.#presence.splice(0) };
  }

  #givenTo(index: number): Given {
    const { weights, zones } = this.#division;
    const own = zones?.[this.#scenario.zones?.ofSidecars[index] ?? 0];
    return own === undefined ? { weights } : { weights, zones: own };
  }

  #start(index: number, id: string, seed: number, nowMs: number): Sidecar {
    const { loadBalancer, clientSide } = this.#options;
    const random: Random = seededRandom(seed);
    this.#tell(index, id, 'Connected', nowMs);
    const { workers, zones } = this.#scenario;
    const options = { loadBalancer, workers, random, clientSide, zoneOf: zones?.ofServers };
    return new Sidecar(id, this.#hosts, this.#givenTo(index), options);
  }

  #tell(index: number, nodeId: string, kind: NodePresence['kind'], atMs: number): void {
    const { zones } = this.#scenario;
    const zone = zones?.preferred?.[zones.ofSidecars[index] ?? 0];
    const where = zone === undefined ? {} : { zone };
    const group = groupOf(this.#scenario);
    this.#presence.push({ nodeId, group, kind, atMs, envoyVersion: this.#envoyVersion(), ...where });
  }

  #envoyVersion(): string {
    return this.#scenario.signals.reportsOmitBusy ? '1.36.4' : '1.40.0';
  }
}
