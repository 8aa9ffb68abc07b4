import type { Cluster } from './cluster-table.ts';
import { Configuration } from './configuration.ts';
import { DeltaMux } from './delta-mux.ts';
import type { Listener } from './listener-table.ts';
import { type Body, type Describe, type ModelRequest, type ModelResponse, TYPE, type Variant } from './messages.ts';
import { earliest, type Interest, type Mux } from './mux.ts';
import { type RefusalStyle, type Refuse, Refuser } from './refusal.ts';
import { ServerConduct } from './server-conduct.ts';
import { ServingWatch } from './serving-watch.ts';
import { SotwMux } from './sotw-mux.ts';

const DEFAULT_FETCH_TIMEOUT_MS = 15_000;

export type EnvoyModelOptions = {
  readonly variant: Variant;
  /** Reads a resource. Default: its `body` is the description. */
  readonly describe?: Describe;
  readonly refuse?: Refuse;
  readonly refusalStyle?: RefusalStyle;
  /** RTDS layers of the bootstrap. Default: one, called `runtime`. */
  readonly runtimeLayers?: readonly string[];
  /** EDS clusters of the bootstrap. */
  readonly staticClusters?: readonly { readonly name: string; readonly eds: string }[];
  /** `initial_fetch_timeout` of all types, or by type; 0 waits for ever. Default: 15 s. */
  readonly fetchTimeoutMs?: number | Partial<Record<keyof typeof TYPE, number>>;
  /** `--drain-time-s`: how long a replaced listener keeps its routes and extensions subscribed. Default: 0. */
  readonly drainMs?: number;
  /** Order in which an EDS, RDS, … response is applied; matters when one of it is refused. Default: as sent. */
  readonly order?: (names: readonly string[]) => readonly string[];
};

/**
 * An Envoy as a client of one ADS stream, without sockets and timers: responses go in, requests come out, time is an
 * argument. A real Envoy tells only what happened; this one also says at which instant a request would have failed, and
 * which message of the server had no reason.
 */
export class EnvoyModel {
  readonly #variant: Variant;
  readonly #layers: number;
  readonly #mux: Mux;
  readonly #configuration: Configuration;
  readonly #refuser: Refuser;
  readonly #conduct: ServerConduct;
  readonly #serving = new ServingWatch();
  readonly #problems: string[] = [];
  #connected = false;
  #isStarted = false;
  #nowMs = 0;

  constructor(options: EnvoyModelOptions) {
    const { variant, runtimeLayers = ['runtime'], staticClusters = [], drainMs = 0 } = options;
    this.#variant = variant;
    this.#layers = runtimeLayers.length;
    const describe: Describe = options.describe ?? (({ body }) => body as Body);
    this.#refuser = new Refuser(options.refuse, options.refusalStyle);
    // The two need each other: responses go from the mux to the configuration, interest goes back.
    const interest: Interest = {
      watch: (typeUrl, name) => this.#mux.watch(typeUrl, name),
      unwatch: (typeUrl, name) => this.#mux.unwatch(typeUrl, name),
      hold: (typeUrl) => this.#mux.hold(typeUrl),
      release: (typeUrl) => this.#mux.release(typeUrl),
      watches: (typeUrl, name) => this.#mux.watches(typeUrl, name),
    };
    this.#configuration = new Configuration(
      interest,
      {
        runtimeLayers,
        staticClusters,
        drainMs,
        describe,
        fetchTimeoutMs: (typeUrl) => fetchTimeoutMs(options.fetchTimeoutMs, typeUrl),
        order: options.order ?? ((names) => names),
      },
      this.#refuser,
    );
    this.#mux = variant === 'Delta' ? new DeltaMux(this.#configuration) : new SotwMux(this.#configuration);
    const { clusters } = this.#configuration;
    const client = {
      held: (typeUrl: string) => this.#mux.held(typeUrl),
      watches: (typeUrl: string, name: string) => this.#mux.watches(typeUrl, name),
      awaits: (eds: string) => clusters.awaits(eds),
    };
    this.#conduct = new ServerConduct(variant, client, describe);
  }

  /** Opens a stream. The first call (or the first `advance`) is the start of the process. */
  connect(nowMs: number): ModelRequest[] {
    if (this.#connected) throw new Error('connect: there is a stream already');
    // At the start of the process the stream is there first (its messages wait in a buffer, not in the mux), so each
    // runtime layer is asked for in a request of its own.
    if (this.#isStarted) this.#advance(nowMs);
    this.#connected = true;
    this.#conduct.streamOpened();
    this.#mux.connect();
    this.#advance(nowMs);
    return this.take(nowMs);
  }

  /** The stream breaks: requests that were not taken are lost, configuration and versions stay. */
  disconnect(nowMs: number): void {
    this.#advance(nowMs);
    this.#connected = false;
    this.#mux.disconnect();
  }

  /**
   * `sentMs`: when the server sent it. What the server could not know by then (a NACK that was taken later) is not held
   * against it; without it, nothing is under way for long.
   */
  receive(response: ModelResponse, nowMs: number, sentMs: number = nowMs): void {
    if (!this.#connected) throw new Error('receive: there is no stream');
    this.#advance(nowMs);
    this.#report(this.#conduct.judge(response, sentMs));
    this.#refuser.begin();
    const reaction = this.#mux.receive(response, nowMs);
    if (reaction.kind === 'Nacked') {
      this.#conduct.refused(response, this.#refuser.culprits, this.#refuser.style === 'Named');
    }
    this.#report(this.#serving.look(this.#configuration));
  }

  /** The requests that the client has sent since the last call, in their order. */
  take(nowMs: number): ModelRequest[] {
    this.#advance(nowMs);
    const requests = this.#mux.take();
    for (const request of requests) this.#conduct.requested(request, nowMs);
    return requests;
  }

  /** Lets time pass: fetch time-outs, TTLs and drains, each at its own instant. */
  advance(nowMs: number): void {
    this.#advance(nowMs);
  }

  /** The next instant at which `advance` will do something. */
  nextEventMs(): number | undefined {
    return earliest([this.#mux.nextLapseMs(), this.#configuration.nextDeadlineMs()]);
  }

  /** The test says that nothing is under way in either direction: what was owed has come, more of the same is needless. */
  atRest(): void {
    this.#conduct.atRest();
  }

  /** Everything that was wrong so far, `CODE: what (at N ms)`; a state that stays wrong counts once. */
  problems(): readonly string[] {
    return this.#problems;
  }

  get isServing(): boolean {
    return this.#configuration.isServing;
  }

  get activeClusters(): ReadonlyMap<string, Cluster> {
    return this.#configuration.clusters.active;
  }

  get warmingClusters(): ReadonlyMap<string, Cluster> {
    return this.#configuration.clusters.warming;
  }

  get listeners(): ReadonlyMap<string, Listener> {
    return this.#configuration.listeners.live;
  }

  get warmingListeners(): ReadonlyMap<string, Listener> {
    return this.#configuration.listeners.warming;
  }

  /** Clusters that each route configuration points to. */
  get routes(): ReadonlyMap<string, readonly string[]> {
    return this.#configuration.routes;
  }

  /** Runtime layers, extensions, secrets, routes: what came under each watched name. */
  bodies(typeUrl: string): ReadonlyMap<string, Body> {
    return this.#configuration.named.bodies(typeUrl);
  }

  /** Versions that the client has accepted and would name on the next stream. */
  heldVersions(typeUrl: string): ReadonlyMap<string, string> {
    return new Map([...this.#mux.held(typeUrl)].map(([name, { version }]) => [name, version]));
  }

  #advance(nowMs: number): void {
    this.#isStarted = true;
    if (nowMs < this.#nowMs) throw new Error(`time goes back: ${nowMs} ms after ${this.#nowMs} ms`);
    for (let next = this.nextEventMs(); next !== undefined && next <= nowMs; next = this.nextEventMs()) {
      this.#nowMs = next;
      this.#configuration.setTime(next);
      this.#report(this.#crashes(this.#mux.lapse(next)));
      this.#configuration.timeOut(next);
      this.#report(this.#serving.look(this.#configuration));
    }
    this.#nowMs = nowMs;
    this.#configuration.setTime(nowMs);
  }

  /**
   * Measured (1.40): a lapsed TTL is told to every RTDS watcher of a SotW mux, and a layer that hears of another layer's
   * name throws where nobody catches. The model lives on, the real one does not.
   */
  #crashes(lapsed: readonly string[]): readonly string[] {
    const dies = this.#variant === 'Sotw' && this.#layers > 1 && lapsed.includes(TYPE.runtime);
    return dies ? [`crash: a TTL of rtds lapsed in a SotW Envoy with ${this.#layers} layers`] : [];
  }

  #report(problems: readonly string[]): void {
    this.#problems.push(...problems.map((problem) => `${problem} (at ${this.#nowMs} ms)`));
  }
}

function fetchTimeoutMs(option: EnvoyModelOptions['fetchTimeoutMs'], typeUrl: string): number {
  const type = (Object.keys(TYPE) as (keyof typeof TYPE)[]).find((one) => TYPE[one] === typeUrl);
  const chosen = typeof option === 'object' ? type && option[type] : option;
  return chosen === 0 ? Number.POSITIVE_INFINITY : (chosen ?? DEFAULT_FETCH_TIMEOUT_MS);
}
