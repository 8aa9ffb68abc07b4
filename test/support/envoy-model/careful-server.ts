import type { EnvoyModel } from './envoy-model.ts';
import { type ClusterBody, type ModelRequest, type ModelResource, TYPE, type Variant } from './messages.ts';

export type World = Readonly<
  Record<'cluster' | 'endpoint' | 'listener' | 'route' | 'runtime', readonly ModelResource[]>
>;
type Type = keyof World;

const TYPES = ['cluster', 'endpoint', 'listener', 'route', 'runtime'] as const;

/**
 * The plainest server that does everything right, without any latency: it proves that the model's complaints can be
 * avoided. It goes from one world to the next in steps, and after each it answers until the client is silent.
 */
export class CarefulServer {
  readonly #model: EnvoyModel;
  readonly #variant: Variant;
  readonly #world = new Map<Type, Map<string, ModelResource>>();
  readonly #sent = new Map<Type, Map<string, string>>();
  readonly #asked = new Map<Type, Set<string>>();
  #responses = 0;

  constructor(model: EnvoyModel, variant: Variant) {
    this.#model = model;
    this.#variant = variant;
    for (const type of ['cluster', 'endpoint', 'listener', 'route', 'runtime'] as const)
      this.#world.set(type, new Map());
  }

  connect(nowMs: number): void {
    this.#sent.clear();
    this.#asked.clear();
    this.#answer(this.#model.connect(nowMs), nowMs);
  }

  /** Make before break: what is new, then who points to it, then the end of what nobody points to. */
  become(next: World, nowMs: number): void {
    for (const type of TYPES) for (const resource of next[type]) this.#of(type).set(resource.name, resource);
    for (const type of ['runtime', 'endpoint', 'cluster', 'listener', 'route'] as const) this.#push(type, nowMs);
    for (const type of ['route', 'listener', 'cluster', 'endpoint'] as const) {
      const kept = new Set(next[type].map(({ name }) => name));
      for (const name of [...this.#of(type).keys()]) if (!kept.has(name)) this.#of(type).delete(name);
    }
    for (const type of ['listener', 'cluster'] as const) this.#push(type, nowMs);
  }

  #push(type: Type, nowMs: number): void {
    const isWhole = type === 'cluster' || type === 'listener';
    if (!this.#asked.has(type)) return;
    const sent = this.#sentOf(type);
    const wanted = [...this.#of(type).values()].filter(({ name }) => isWhole || this.#asked.get(type)?.has(name));
    const changed = wanted.filter(({ name, version }) => sent.get(name) !== version);
    const gone = isWhole ? [...sent.keys()].filter((name) => !this.#of(type).has(name)) : [];
    if (changed.length + gone.length > 0) this.#send(type, changed, gone, nowMs);
  }

  #send(type: Type, changed: readonly ModelResource[], gone: readonly string[], nowMs: number): void {
    const whole = this.#variant === 'Sotw' && (type === 'cluster' || type === 'listener');
    for (const { name, version } of changed) this.#sentOf(type).set(name, version);
    for (const name of gone) this.#sentOf(type).delete(name);
    this.#responses += 1;
    const nonce = String(this.#responses);
    const resources = whole ? [...this.#of(type).values()] : changed;
    const removed = this.#variant === 'Delta' ? gone : [];
    this.#model.receive({ typeUrl: TYPE[type], nonce, resources, removed, versionInfo: nonce }, nowMs);
    const requests = this.#model.take(nowMs);
    if (type === 'cluster') this.#refill(changed, requests, nowMs);
    this.#answer(requests, nowMs);
  }

  /** The assignments of changed clusters that the client does not ask for anyway. */
  #refill(changed: readonly ModelResource[], requests: readonly ModelRequest[], nowMs: number): void {
    const names = changed.flatMap(({ body }) => (body as ClusterBody).eds ?? []);
    const asked = this.#asked.get('endpoint') ?? new Set();
    const anew = new Set(requests.filter(({ typeUrl }) => typeUrl === TYPE.endpoint).flatMap((one) => this.#anew(one)));
    const due = [...new Set(names)].filter((name) => asked.has(name) && !anew.has(name));
    const resources = due.flatMap((name) => this.#of('endpoint').get(name) ?? []);
    if (resources.length > 0) this.#send('endpoint', resources, [], nowMs);
  }

  #answer(requests: readonly ModelRequest[], nowMs: number): void {
    for (const request of requests) {
      const type = TYPES.find((one) => TYPE[one] === request.typeUrl) as Type;
      const first = !this.#asked.has(type);
      const anew = this.#anew(request);
      const asked = this.#asked.get(type) ?? new Set();
      const dropped =
        this.#variant === 'Delta' ? request.unsubscribe : [...asked].filter((name) => !request.names.includes(name));
      for (const name of dropped) {
        asked.delete(name);
        this.#sentOf(type).delete(name);
      }
      for (const name of anew) asked.add(name);
      this.#asked.set(type, asked);
      for (const [name, version] of Object.entries(request.initialVersions)) this.#sentOf(type).set(name, version);
      if (type === 'cluster' || type === 'listener') {
        // An empty answer is an answer: without one the client waits for its time-out.
        if (first && this.#of(type).size === 0) this.#send(type, [], [...this.#sentOf(type).keys()], nowMs);
        else if (first) this.#push(type, nowMs);
        continue;
      }
      const due = anew.filter((name) => request.initialVersions[name] !== this.#of(type).get(name)?.version);
      const resources = due.flatMap((name) => this.#of(type).get(name) ?? []);
      if (resources.length > 0) this.#send(type, resources, [], nowMs);
    }
  }

  #anew({ typeUrl, subscribe, names }: ModelRequest): readonly string[] {
    if (this.#variant === 'Delta') return subscribe;
    const type = TYPES.find((one) => TYPE[one] === typeUrl) as Type;
    return names.filter((name) => !this.#asked.get(type)?.has(name));
  }

  #of(type: Type): Map<string, ModelResource> {
    return this.#world.get(type) as Map<string, ModelResource>;
  }

  #sentOf(type: Type): Map<string, string> {
    const sent = this.#sent.get(type) ?? new Map<string, string>();
    this.#sent.set(type, sent);
    return sent;
  }
}
