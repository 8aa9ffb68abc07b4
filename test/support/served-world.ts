import type { Resource } from '../../src/core/resources/index.ts';
import { assignment, cluster, type Host, listener, routes } from './envoy-resources.ts';

const CLUSTERS = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'];

type Service = { readonly connectTimeoutSec: number; readonly hosts: readonly Host[] };

/**
 * A world that changes at random and is always consistent: a listener that stays, its routes to some of the clusters that there
 * are, and behind each of them servers that answer. Its twin for the model of Envoy is core/subscriptions/random-world.
 */
export class ServedWorld {
  readonly #random: () => number;
  readonly #ports: readonly number[];
  readonly #listener: Resource;
  readonly #services = new Map<string, Service>();
  #routed: readonly string[] = [];
  #revision = 0;

  constructor(
    random: () => number,
    front: { readonly port: number; readonly accessLog: string },
    ports: readonly number[],
  ) {
    this.#random = random;
    this.#ports = ports;
    this.#listener = listener('front', front.port, { accessLog: front.accessLog });
    for (const name of ['c0', 'c1']) this.#services.set(name, this.#newService());
    this.#reroute();
  }

  /** Names of the clusters, sorted. */
  get clusters(): readonly string[] {
    return [...this.#services.keys()].sort();
  }

  resources(): readonly Resource[] {
    const services = [...this.#services].flatMap(([name, { connectTimeoutSec, hosts }]) => [
      cluster(name, { connectTimeoutSec }),
      assignment(name, hosts),
    ]);
    return [...services, this.#listener, routes('front', this.#routed)];
  }

  /** One random edit; returns what it was, for the story of a failure. */
  edit(): string {
    const kind = Math.floor(this.#random() * 7);
    if (kind === 0) return this.#add();
    if (kind === 1) return this.#remove();
    if (kind === 2) return this.#replace();
    if (kind === 3) return this.#change((service) => ({ ...service, connectTimeoutSec: this.#newTimeout() }));
    if (kind <= 5) return this.#change((service) => ({ ...service, hosts: this.#newHosts() }));
    return this.#reroute();
  }

  #add(): string {
    const name = this.#pick(CLUSTERS.filter((one) => !this.#services.has(one)));
    if (name === undefined) return this.#reroute();
    this.#services.set(name, this.#newService());
    return `add ${name}, ${this.#reroute(name)}`;
  }

  #remove(): string {
    if (this.#services.size === 1) return this.#add();
    const name = this.#pick(this.clusters) as string;
    this.#services.delete(name);
    const left = this.#routed.filter((one) => one !== name);
    return `remove ${name}, ${left.length === 0 ? this.#reroute() : this.#route(left)}`;
  }

  /** The hardest: everything that is routed to goes, and something new takes its place. */
  #replace(): string {
    const name = this.#pick(CLUSTERS.filter((one) => !this.#services.has(one)));
    if (name === undefined) return this.#remove();
    for (const old of this.#routed) this.#services.delete(old);
    this.#services.set(name, this.#newService());
    return `replace ${this.#routed} by ${name}, ${this.#route([name])}`;
  }

  #change(change: (service: Service) => Service): string {
    const name = this.#pick(this.clusters) as string;
    const service = change(this.#services.get(name) as Service);
    this.#services.set(name, service);
    return `change ${name} to ${JSON.stringify(service)}`;
  }

  #reroute(to?: string): string {
    const some = this.clusters.filter((name) => name === to || this.#random() < 0.5);
    return this.#route(some.length > 0 ? some : [this.#pick(this.clusters) as string]);
  }

  #route(to: readonly string[]): string {
    this.#routed = to;
    return `route to ${to}`;
  }

  #newService(): Service {
    return { connectTimeoutSec: this.#newTimeout(), hosts: this.#newHosts() };
  }

  /** Never the same twice, so that the cluster is another one. */
  #newTimeout(): number {
    this.#revision += 1;
    return 5 + this.#revision;
  }

  #newHosts(): readonly Host[] {
    const some = this.#ports.filter(() => this.#random() < 0.5);
    const used = some.length > 0 ? some : [this.#pick(this.#ports) as number];
    return used.map((port) => ({ port, weight: 1 + Math.floor(this.#random() * 100) }));
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }
}
