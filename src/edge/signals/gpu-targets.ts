import type { Pool, Signals } from '../../core/policy/index.ts';
import { type Endpoint, hostPort } from '../../core/topology/index.ts';
import type { PoolMembers } from './pool-members.ts';
import { commonParts, type FileTarget, filledPath, queryUrl, type Target } from './target.ts';

type GpuSource = NonNullable<Signals['gpu']>['source'];
type ExporterPlace = Extract<GpuSource, { kind: 'Exporter' }>;
type FilePlace = Extract<GpuSource, { kind: 'File' }>;

/** What the GPUs of a pool are read by; `servers` says who is served by each exporter. */
export function gpuTargets(
  { service, pool, members }: PoolMembers,
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
    return [{ kind: 'Prometheus', ...about, ...commonParts('prometheus', service, pool.name, url, intervalMs, about) }];
  }
  if (source.kind === 'File') return fileTargets(service, pool, members, source, intervalMs);
  const exporters = new Map<string, Endpoint>();
  for (const endpoint of members) {
    const url = exporterUrl(source, endpoint);
    if (!exporters.has(url)) exporters.set(url, endpoint);
  }
  return [...exporters].map(([url, { address, port }]) => {
    const subject = servers.get(url)?.size === 1 ? { address, port } : { address };
    return { kind: 'Exporter', subject, ...commonParts('gpu', service, pool.name, url, intervalMs, subject) };
  });
}

/** Who is served by each exporter, over all pools and services: a server that two of them list is one server. */
export function serversByExporter(pools: readonly PoolMembers[]): ReadonlyMap<string, ReadonlySet<string>> {
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

function exporterUrl(source: ExporterPlace, { address, port }: Endpoint): string {
  return `http://${hostPort(address, source.port ?? port + (source.portOffset ?? 0))}${source.path}`;
}

function fileTargets(
  service: string,
  pool: Pool,
  members: readonly Endpoint[],
  { path: pattern, maxAgeMs }: FilePlace,
  intervalMs: number,
): FileTarget[] {
  const sharing = new Map<string, Endpoint[]>();
  for (const endpoint of members) {
    const path = filledPath(pattern, endpoint);
    sharing.set(path, [...(sharing.get(path) ?? []), endpoint]);
  }
  return [...sharing].map(([path, endpoints]) => {
    const subject = commonSubject(endpoints);
    const one = commonParts('file', service, pool.name, `file://${path}`, intervalMs, { maxAgeMs, ...subject });
    return { kind: 'File', path, maxAgeMs, subject, ...one, source: `file ${path}` };
  });
}

function commonSubject(sharing: readonly Endpoint[]): FileTarget['subject'] {
  const { address, port } = sharing[0] as Endpoint;
  if (sharing.length === 1) return { address, port };
  return sharing.every((endpoint) => endpoint.address === address) ? { address } : {};
}
