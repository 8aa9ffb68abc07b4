import type { Random } from '../../../src/base/units/index.ts';
import type { LoadInput } from '../../../src/core/load/index.ts';
import type { Endpoint, LoadReport, NodePresence, Sample } from '../../../src/core/topology/index.ts';
import { endpoint, START_MS } from '../weights/beliefs.ts';
import { HostileServer } from './hostile-server.ts';

const HOUR_MS = 3_600_000;
const HOSTILE = [
  79,
  1.04,
  1.06,
  42,
  2 ** 31 - 16,
  2 ** 47,
  2 ** 63,
  Number.NaN,
  Infinity,
  -Infinity,
  -1,
  -1e-9,
  1e308,
  -1e308,
  5e-324,
  0,
  1,
  2 ** 53,
];

/**
 * A model service in a bad neighbourhood, drawn from a seed: exporters that lie, freeze, repeat and swap labels, clocks that
 * jump by an hour, servers that come, go and restart, sidecars that reconnect, GPUs that are pinned or partitioned. What
 * stays is that each second is one input of the pipeline.
 */
export class HostileWorld {
  readonly #random: Random;
  readonly #servers: HostileServer[] = [];
  readonly #nodes: { id: string; up: boolean; absentMeansIdle: boolean }[] = [];
  /** How likely a value is replaced by nonsense, and whether anything comes at all. */
  readonly #lies: number;
  readonly #alike: boolean;
  #nowMs = START_MS;
  #tick = 0;
  #quietUntil = 0;
  #kept: Sample[] = [];
  #next = 0;

  constructor(random: Random, { alike = false }: { alike?: boolean } = {}) {
    this.#random = random;
    this.#alike = alike;
    this.#lies = this.#one([0, 0.02, 0.3]);
    const count = 1 + Math.floor(random() ** 2 * 9);
    for (let i = 0; i < count; i += 1) this.#join();
    const nodes = Math.floor(random() * 4);
    for (let i = 0; i < nodes; i += 1) {
      this.#nodes.push({ id: `node-${i}`, up: true, absentMeansIdle: random() < 0.7 });
    }
  }

  next(): LoadInput {
    this.#tick += 1;
    this.#nowMs += this.#afterMs();
    if (!this.#alike) this.#changeMembers();
    if (this.#random() < 0.01) this.#quietUntil = this.#tick + 5 + Math.floor(this.#random() * 90);
    const quiet = this.#tick < this.#quietUntil;
    const first = this.#servers[0];
    for (const server of this.#servers) server.live(this.#alike && first !== undefined ? first : server);
    return {
      nowMs: this.#nowMs,
      service: 'chat',
      endpoints: this.#servers.map(({ endpoint }) => endpoint),
      samples: quiet ? [] : this.#samples(),
      reports: quiet ? [] : this.#reports(),
      presence: this.#presence(),
      options: { leastRequest: true },
    };
  }

  /** Mostly a second; sometimes late, twice at once, or with a clock that was set. */
  #afterMs(): number {
    const draw = this.#random();
    if (draw < 0.9) return 1000;
    if (draw < 0.95) return Math.floor(this.#random() * 3000);
    if (draw < 0.98) return 0;
    if (draw < 0.99) return 30_000;
    return this.#random() < 0.5 ? HOUR_MS : -HOUR_MS;
  }

  #changeMembers(): void {
    const draw = this.#random();
    const at = Math.floor(this.#random() * this.#servers.length);
    if (draw < 0.01) this.#join();
    else if (draw < 0.02 && this.#servers.length > 0) this.#servers.splice(at, 1);
    else if (draw < 0.03) this.#servers[at]?.restart(this.#random() < 0.5);
    else if (draw < 0.04) this.#servers[at]?.turn(this.#random() < 0.3 ? 'Draining' : 'Active');
  }

  #join(): void {
    const over: Partial<Endpoint> = this.#alike
      ? {}
      : {
          capacity: this.#random() < 0.8 ? 1 : this.#one([0.25, 4, 0, Number.NaN, 1e9]),
          lifecycle: this.#random() < 0.95 ? 'Active' : 'Draining',
          pod: `pod-${this.#next}`,
          ...(this.#random() < 0.6 ? { maxRunningRequests: this.#one([1, 24, 64, 256]) } : {}),
        };
    this.#servers.push(new HostileServer(this.#random, endpoint(this.#next, over)));
    this.#next += 1;
  }

  #samples(): Sample[] {
    const kind = this.#servers[0];
    const fresh = this.#servers.flatMap((server) => {
      const { endpoint: own } = server;
      const subjectOf = this.#alike || this.#random() > this.#lies ? own : this.#one(this.#servers).endpoint;
      const behind = this.#alike ? 200 : Math.floor(this.#random() * 900);
      const teller = this.#alike && kind !== undefined ? kind : server;
      return teller.page().map(([metric, value, gpu]): Sample => {
        const atMs = this.#nowMs - behind + this.#clockError();
        return {
          subject: { address: subjectOf.address, port: subjectOf.port, ...(gpu === undefined ? {} : { gpu }) },
          metric,
          value: this.#lie(value),
          sampledAtMs: atMs,
          changedAtMs: teller.frozen ? START_MS : atMs,
          source: 'hostile',
          ...(teller.partitioned ? { device: 'Partitioned' as const } : {}),
        };
      });
    });
    if (this.#alike) return fresh;
    // Duplicates, and pages from before that come again, in any order.
    const again = this.#kept.filter(() => this.#random() < 0.05);
    this.#kept = fresh;
    const all = [...fresh, ...again, ...fresh.filter(() => this.#random() < 0.02)];
    return this.#random() < 0.1 ? all.reverse() : all;
  }

  #reports(): LoadReport[] {
    const first = this.#servers[0];
    return this.#nodes.flatMap(({ id, up, absentMeansIdle }): LoadReport[] => {
      if (!up || this.#random() < 0.05) return [];
      const report: LoadReport = {
        nodeId: id,
        receivedAtMs: this.#nowMs - Math.floor(this.#random() * 900) + this.#clockError(),
        intervalMs: this.#lie(1000),
        absentMeansIdle,
        clusters: [
          {
            cluster: 'chat',
            endpoints: this.#servers.flatMap((server) => {
              if (!this.#alike && this.#random() < 0.05) return [];
              const { address, port } = server.endpoint;
              const { inFlight, issued, succeeded, errors } = (this.#alike && first ? first : server).share(
                this.#nodes.length,
              );
              return [
                {
                  address,
                  port,
                  inProgress: this.#lie(inFlight),
                  issued: this.#lie(issued),
                  succeeded: this.#lie(succeeded),
                  errors: this.#lie(errors),
                },
              ];
            }),
          },
          { cluster: 'other', endpoints: [] },
        ],
      };
      return this.#random() < 0.03 ? [report, report] : [report];
    });
  }

  #presence(): NodePresence[] {
    return this.#nodes.flatMap((node): NodePresence[] => {
      if (this.#tick > 1 && this.#random() > 0.01) return [];
      node.up = this.#tick === 1 || this.#random() < 0.6;
      const kind = node.up ? 'Connected' : 'Disconnected';
      return [{ nodeId: node.id, group: 'lab', kind, atMs: this.#nowMs, envoyVersion: '1.40.0' }];
    });
  }

  #lie(value: number): number {
    return !this.#alike && this.#random() < this.#lies ? this.#one(HOSTILE) : value;
  }

  #clockError(): number {
    if (this.#alike || this.#random() > this.#lies) return 0;
    return this.#one([-HOUR_MS, HOUR_MS, -5000, 4000, 1e300, Number.NaN]);
  }

  #one<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T;
  }
}
