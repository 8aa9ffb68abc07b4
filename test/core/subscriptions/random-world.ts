import { type Resource, TYPE_URL } from '../../../src/core/resources/index.ts';
import { type Described, describedResource } from './virtual-fleet.ts';

const CLUSTERS = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'];
const LISTENERS = ['l0', 'l1'];

type Bad = Described['bad'];
type Part = { revision: number; bad: Bad };

/** A policy that is always consistent: routes name only clusters that exist. */
export class RandomWorld {
  readonly #random: () => number;
  readonly #clusters = new Map<string, Part>();
  readonly #assignments = new Map<string, Part & { endpoints: number }>();
  readonly #listeners = new Map<string, Part>();
  readonly #routes = new Map<string, Part & { clusters: string[] }>();
  /** Whether edits may be such that the client refuses them. */
  spoils = false;
  #revision = 0;

  constructor(random: () => number) {
    this.#random = random;
    this.#addCluster('c0');
    this.#addCluster('c1');
    for (const name of LISTENERS) this.#addListener(name);
  }

  /** One random edit; returns what it was, for the story of a failure. */
  edit(): string {
    const kind = Math.floor(this.#random() * 8);
    if (kind === 0) return this.#add();
    if (kind === 1) return this.#remove();
    if (kind === 2) return this.#change('cluster', this.#clusters);
    if (kind <= 4) return this.#change('assignment', this.#assignments);
    if (kind === 5) return this.#change('listener', this.#listeners);
    if (kind === 6) return this.#reroute();
    return this.#toggleListener();
  }

  /** Everything that is bad gets a good version. */
  heal(): void {
    this.spoils = false;
    for (const parts of [this.#clusters, this.#assignments, this.#listeners, this.#routes]) {
      for (const part of parts.values()) if (part.bad !== undefined) Object.assign(part, this.#part());
    }
  }

  resources(): readonly Resource[] {
    const made: Resource[] = [];
    for (const [name, { revision, bad }] of this.#clusters) {
      made.push(make('cluster', name, { body: { kind: 'cluster', eds: name }, revision, bad }, ['endpoint', name]));
    }
    for (const [name, { revision, bad, endpoints }] of this.#assignments) {
      made.push(make('endpoint', name, { body: { kind: 'assignment', endpoints }, revision, bad }));
    }
    for (const [name, { revision, bad }] of this.#listeners) {
      made.push(make('listener', name, { body: { kind: 'listener', route: name }, revision, bad }, ['route', name]));
    }
    for (const [name, { revision, bad, clusters }] of this.#routes) {
      const needs = clusters.map((cluster) => ['cluster', cluster] as const);
      made.push(make('route', name, { body: { kind: 'route', clusters }, revision, bad }, ...needs));
    }
    return made;
  }

  #add(): string {
    const free = CLUSTERS.filter((name) => !this.#clusters.has(name));
    const name = this.#pick(free);
    if (name === undefined) return 'nothing';
    this.#addCluster(name);
    this.#reroute(name);
    return `add ${name}`;
  }

  #remove(): string {
    const name = this.#clusters.size > 1 ? this.#pick([...this.#clusters.keys()]) : undefined;
    if (name === undefined) return 'nothing';
    this.#clusters.delete(name);
    this.#assignments.delete(name);
    for (const route of this.#routes.values()) {
      if (!route.clusters.includes(name)) continue;
      const left = route.clusters.filter((other) => other !== name);
      const [any] = this.#clusters.keys();
      Object.assign(route, this.#part(), { clusters: left.length > 0 ? left : [any as string] });
    }
    return `remove ${name}`;
  }

  #change(what: string, parts: Map<string, Part>): string {
    const name = this.#pick([...parts.keys()]);
    const part = name === undefined ? undefined : parts.get(name);
    if (part === undefined) return 'nothing';
    Object.assign(part, this.#part());
    return `change ${what} ${name}${part.bad === undefined ? '' : ` (${part.bad})`}`;
  }

  #reroute(to?: string): string {
    const name = this.#pick([...this.#routes.keys()]);
    const route = name === undefined ? undefined : this.#routes.get(name);
    if (route === undefined) return 'nothing';
    const clusters = new Set([...this.#clusters.keys()].filter(() => this.#random() < 0.5));
    const one = to ?? this.#pick([...this.#clusters.keys()]);
    if (one !== undefined) clusters.add(one);
    Object.assign(route, this.#part(), { clusters: [...clusters].sort() });
    return `route ${name} to ${[...clusters]}${route.bad === undefined ? '' : ` (${route.bad})`}`;
  }

  #toggleListener(): string {
    const name = this.#pick(LISTENERS) as string;
    if (this.#listeners.delete(name)) {
      this.#routes.delete(name);
      return `remove listener ${name}`;
    }
    this.#addListener(name);
    return `add listener ${name}`;
  }

  #addCluster(name: string): void {
    this.#clusters.set(name, this.#part());
    this.#assignments.set(name, { ...this.#part(), endpoints: 1 + Math.floor(this.#random() * 3) });
  }

  #addListener(name: string): void {
    this.#listeners.set(name, this.#part());
    this.#routes.set(name, { ...this.#part(), clusters: [this.#pick([...this.#clusters.keys()]) as string] });
  }

  #part(): Part {
    this.#revision += 1;
    const bad = this.spoils && this.#random() < 0.15 ? (this.#random() < 0.5 ? 'Rule' : 'Semantic') : undefined;
    return { revision: this.#revision, bad };
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }
}

function make(
  type: keyof typeof TYPE_URL,
  name: string,
  { body, revision, bad }: { body: Described['body']; revision: number; bad: Bad },
  ...needs: readonly (readonly [keyof typeof TYPE_URL, string])[]
): Resource {
  return describedResource(
    type,
    name,
    { body, revision, ...(bad === undefined ? {} : { bad }) },
    needs.map(([of, to]) => ({ typeUrl: TYPE_URL[of], name: to })),
  );
}
