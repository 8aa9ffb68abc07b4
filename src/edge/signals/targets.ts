import type { EngineFormatName, Policy, Pool, Signals } from '../../core/policy/index.ts';
import { type Endpoint, hostPort, type Subject } from '../../core/topology/index.ts';
import { shownUrl } from './source-name.ts';

type Common = {
  /** Same key, same source: it goes on running through a change of policy. */
  readonly key: string;
  /** For people: kind and URL, without credentials. */
  readonly source: string;
  readonly service: string;
  readonly pool: string;
  readonly url: string;
  readonly intervalMs: number;
};

export type EngineTarget = Common & {
  readonly kind: 'Engine';
  readonly subject: { readonly address: string; readonly port: number };
  /** Absent: each page tells. */
  readonly format?: EngineFormatName;
};

export type ExporterTarget = Common & {
  readonly kind: 'Exporter';
  /** The endpoint's serving port; absent where several servers, of whatever pools, share the exporter. */
  readonly subject: { readonly address?: string; readonly port?: number };
};

export type PrometheusTarget = Common & {
  readonly kind: 'Prometheus';
  readonly joinBy: NonNullable<Signals['gpu']>['joinBy'];
  /** Pods of other namespaces are not the pool's. */
  readonly namespace?: string;
};

/** A file of this machine that something else writes. */
export type FileTarget = Common & {
  readonly kind: 'File';
  readonly path: string;
  readonly maxAgeMs: number;
  /** Empty where endpoints of several addresses share the file: its labels tell then. */
  readonly subject: { readonly address?: string; readonly port?: number };
};

/** The program nvidia-smi of this machine; agents have it, no policy asks for it. */
export type NvidiaSmiTarget = Common & {
  readonly kind: 'NvidiaSmi';
  readonly path: string;
  readonly subject: Subject;
};

/** One thing to read periodically. */
export type Target = EngineTarget | ExporterTarget | PrometheusTarget | FileTarget | NvidiaSmiTarget;

/** What the policy wants read, given the endpoints that exist: pure, and in the order of the policy. */
export function targetsFromPolicy(policy: Policy, endpoints: readonly Endpoint[]): readonly Target[] {
  const byPool = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const key = poolKey(endpoint.service, endpoint.pool);
    const members = byPool.get(key);
    if (members === undefined) byPool.set(key, [endpoint]);
    else members.push(endpoint);
  }
  const pools = policy.services.flatMap((service) =>
    service.pools.map((pool) => ({
      service: service.name,
      pool,
      members: byPool.get(poolKey(service.name, pool.name)) ?? [],
    })),
  );
  const servers = serversByExporter(pools);
  return pools.flatMap(({ service, pool, members }) => [
    ...engineTargets(service, pool, members),
    ...gpuTargets(service, pool, members, servers),
  ]);
}

/** Who is served by each exporter, over all pools and services: a server that two of them list is one server. */
function serversByExporter(
  pools: readonly { readonly pool: Pool; readonly members: readonly Endpoint[] }[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const servers = new Map<string, Set<string>>();
  for (const { pool, members } of pools) {
    const source = pool.signals.gpu?.source;
    if (source?.kind !== 'Exporter') continue;
    for (const endpoint of members) {
      const url = exporterUrl(source, endpoint);
      const sharing = servers.get(url) ?? new Set<string>();
      sharing.add(hostPort(endpoint.address, endpoint.port));
      servers.set(url, sharing);
    }
  }
  return servers;
}

type ExporterPlace = Extract<NonNullable<Signals['gpu']>['source'], { kind: 'Exporter' }>;

function exporterUrl(source: ExporterPlace, { address, port }: Endpoint): string {
  return `http://${hostPort(address, source.port ?? port + (source.portOffset ?? 0))}${source.path}`;
}

function engineTargets(service: string, pool: Pool, members: readonly Endpoint[]): EngineTarget[] {
  const { engine } = pool.signals;
  if (engine === undefined) return [];
  return members.map(({ address, port }) => {
    const url = `http://${hostPort(address, engine.port ?? port)}${engine.path}`;
    const subject = { address, port };
    const format = engine.format === undefined ? {} : { format: engine.format };
    const about = { ...subject, ...format };
    return {
      kind: 'Engine',
      subject,
      ...format,
      ...common('engine', service, pool.name, url, engine.intervalMs, about),
    };
  });
}

function gpuTargets(
  service: string,
  pool: Pool,
  members: readonly Endpoint[],
  servers: ReadonlyMap<string, ReadonlySet<string>>,
): Target[] {
  const { gpu } = pool.signals;
  if (gpu === undefined) return [];
  const { source, intervalMs, joinBy } = gpu;
  if (source.kind === 'Prometheus') {
    if (members.length === 0) return [];
    const url = queryUrl(source.url);
    const namespace = pool.endpoints.kind === 'Kubernetes' ? { namespace: pool.endpoints.namespace } : {};
    const about = { joinBy, ...namespace };
    return [{ kind: 'Prometheus', ...about, ...common('prometheus', service, pool.name, url, intervalMs, about) }];
  }
  if (source.kind === 'File') return fileTargets(service, pool, members, source, intervalMs);
  const exporters = new Map<string, Endpoint>();
  for (const endpoint of members) {
    const url = exporterUrl(source, endpoint);
    if (!exporters.has(url)) exporters.set(url, endpoint);
  }
  return [...exporters].map(([url, { address, port }]) => {
    const subject = servers.get(url)?.size === 1 ? { address, port } : { address };
    return { kind: 'Exporter', subject, ...common('gpu', service, pool.name, url, intervalMs, subject) };
  });
}

type FilePlace = Extract<NonNullable<Signals['gpu']>['source'], { kind: 'File' }>;

function fileTargets(
  service: string,
  pool: Pool,
  members: readonly Endpoint[],
  { path: pattern, maxAgeMs }: FilePlace,
  intervalMs: number,
): FileTarget[] {
  const sharing = new Map<string, Endpoint[]>();
  for (const endpoint of members) {
    const path = pattern.replaceAll('{address}', endpoint.address).replaceAll('{port}', String(endpoint.port));
    sharing.set(path, [...(sharing.get(path) ?? []), endpoint]);
  }
  return [...sharing].map(([path, endpoints]) => {
    const subject = commonSubject(endpoints);
    const one = common('file', service, pool.name, `file://${path}`, intervalMs, { maxAgeMs, ...subject });
    return { kind: 'File', path, maxAgeMs, subject, ...one, source: `file ${path}` };
  });
}

function commonSubject(sharing: readonly Endpoint[]): FileTarget['subject'] {
  const { address, port } = sharing[0] as Endpoint;
  if (sharing.length === 1) return { address, port };
  return sharing.every((endpoint) => endpoint.address === address) ? { address } : {};
}

function common(kind: string, service: string, pool: string, url: string, intervalMs: number, about: unknown): Common {
  return {
    key: JSON.stringify([kind, service, pool, url, intervalMs, about]),
    source: `${kind} ${shownUrl(url)}`,
    service,
    pool,
    url,
    intervalMs,
  };
}

/** A path prefix and a query string of the policy's URL stay. What is no URL is left for the fetcher to complain about. */
function queryUrl(base: string): string {
  if (!URL.canParse(base)) return base;
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/query`;
  return url.href;
}

function poolKey(service: string, pool: string): string {
  return `${service}/${pool}`;
}
