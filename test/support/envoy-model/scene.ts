import { EnvoyModel, type EnvoyModelOptions } from './envoy-model.ts';
import {
  type ModelRequest,
  type ModelResource,
  type ModelResponse,
  shortName,
  TYPE,
  type Variant,
} from './messages.ts';

type Extra = Partial<Pick<ModelResource, 'ttlMs' | 'content'>>;

export function cluster(
  name: string,
  version: string,
  eds: string | undefined = name,
  extra: Extra = {},
): ModelResource {
  return { name, version, body: { kind: 'cluster', eds }, ...extra };
}

/** A cluster that has its endpoints in itself. */
export function staticCluster(name: string, version: string): ModelResource {
  return { name, version, body: { kind: 'cluster' } };
}

export function assignment(name: string, version: string, endpoints = 2, extra: Extra = {}): ModelResource {
  return { name, version, body: { kind: 'assignment', endpoints }, ...extra };
}

export function listener(name: string, version: string, route: string, more: object = {}): ModelResource {
  return { name, version, body: { kind: 'listener', route, ...more } };
}

export function route(name: string, version: string, ...clusters: string[]): ModelResource {
  return { name, version, body: { kind: 'route', clusters } };
}

export function runtime(name: string, version: string, extra: Extra = {}): ModelResource {
  return { name, version, body: { kind: 'runtime' }, ...extra };
}

export function extension(name: string, version: string): ModelResource {
  return { name, version, body: { kind: 'extension' } };
}

export function heartbeat(name: string, version: string, ttlMs: number): ModelResource {
  return { name, version, ttlMs };
}

/**
 * A model and a server that says what the test wants it to say: every response has the next nonce (and, for SotW, a
 * version_info of the same text) and every call returns what the client says to it.
 */
export class Scene {
  readonly model: EnvoyModel;
  readonly variant: Variant;
  nowMs = 0;
  #responses = 0;

  constructor(variant: Variant, options: Omit<EnvoyModelOptions, 'variant'> = {}) {
    this.variant = variant;
    this.model = new EnvoyModel({ variant, ...options });
  }

  connect(): ModelRequest[] {
    return this.model.connect(this.nowMs);
  }

  send(
    type: keyof typeof TYPE,
    resources: readonly ModelResource[],
    more: Partial<Pick<ModelResponse, 'removed' | 'nonce' | 'versionInfo'>> = {},
  ): ModelRequest[] {
    this.#responses += 1;
    const nonce = more.nonce ?? String(this.#responses);
    this.model.receive(
      { typeUrl: TYPE[type], nonce, resources, removed: [], versionInfo: `v${nonce}`, ...more },
      this.nowMs,
    );
    return this.model.take(this.nowMs);
  }

  /** Lets time pass; returns what the client says meanwhile. */
  wait(ms: number): ModelRequest[] {
    this.nowMs += ms;
    this.model.advance(this.nowMs);
    return this.model.take(this.nowMs);
  }

  reconnect(): ModelRequest[] {
    this.model.disconnect(this.nowMs);
    return this.connect();
  }

  /** From nothing to traffic: these clusters with two endpoints each, a listener `l` and its route `r` to all of them. */
  serve(...names: readonly string[]): this {
    this.connect();
    this.send('runtime', [runtime('runtime', '1')]);
    this.send(
      'cluster',
      names.map((name) => cluster(name, '1')),
    );
    if (names.length > 0) {
      this.send(
        'endpoint',
        names.map((name) => assignment(name, '1')),
      );
    }
    this.send('listener', [listener('l', '1', 'r')]);
    this.send('route', [route('r', '1', ...names)]);
    return this;
  }

  /** Changes one cluster of those that `serve` made; SotW repeats the others. */
  change(changed: ModelResource, ...others: readonly string[]): ModelRequest[] {
    return this.send('cluster', [
      changed,
      ...(this.variant === 'Sotw' ? others.map((name) => cluster(name, '1')) : []),
    ]);
  }

  /** Endpoints of a live cluster; undefined when there is none. */
  endpoints(name: string): number | undefined {
    return this.model.activeClusters.get(name)?.endpoints;
  }

  /** Codes of the problems so far. */
  codes(): readonly string[] {
    return this.model.problems().map((problem) => problem.slice(0, problem.indexOf(':')));
  }
}

/**
 * A request as a line: `eds +a,b -c ack 3`. What is empty is left out; `=` shows the names of a SotW request, `v` its
 * version_info, `has` the initial versions.
 */
export function line(request: ModelRequest): string {
  const { typeUrl, node, nonce, errorMessage, subscribe, unsubscribe, initialVersions, names, versionInfo } = request;
  const has = Object.entries(initialVersions).map(([name, version]) => `${name}@${version}`);
  return [
    shortName(typeUrl),
    ...(node ? ['node'] : []),
    ...(names.length > 0 ? [`=${names}`] : []),
    ...(subscribe.length > 0 ? [`+${subscribe}`] : []),
    ...(unsubscribe.length > 0 ? [`-${unsubscribe}`] : []),
    ...(has.length > 0 ? [`has ${has}`] : []),
    ...(versionInfo === '' ? [] : [versionInfo]),
    ...(nonce === '' ? [] : [`${errorMessage === undefined ? 'ack' : 'nack'} ${nonce}`]),
  ].join(' ');
}

export function lines(requests: readonly ModelRequest[]): readonly string[] {
  return requests.map(line);
}
