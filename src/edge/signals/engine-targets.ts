import type { Signals } from '../../core/policy/index.ts';
import { hostPort } from '../../core/topology/index.ts';
import type { EngineNames } from './engine-names.ts';
import type { PoolMembers } from './pool-members.ts';
import { commonParts, type EngineEndpoint, filledPath, queryUrl, type Target } from './target.ts';

type EngineSource = NonNullable<Signals['engine']>['source'];

/** What the engines of a pool are read by. */
export function engineTargets({ service, pool, members, firstToken }: PoolMembers, names: EngineNames): Target[] {
  const { engine } = pool.signals;
  if (engine === undefined || members.length === 0) return [];
  const { source, intervalMs } = engine;
  const format = engine.format === undefined ? {} : { format: engine.format };
  if (source.kind === 'Prometheus') {
    const { endpoints: found } = pool;
    const namespace = found.kind === 'Kubernetes' ? { namespace: found.namespace } : {};
    const endpoints = members.map((endpoint): EngineEndpoint => {
      const { address, port, pod } = endpoint;
      const instances = names.of(endpoint, enginePort(source, port));
      return { subject: { address, port }, instances, ...(pod === undefined ? {} : { pod, ...namespace }) };
    });
    const url = queryUrl(source.url);
    const about = { endpoints, ...format };
    const common = commonParts('engine prometheus', service, pool.name, url, intervalMs, about);
    return [{ kind: 'EnginePrometheus', ...about, ...common }];
  }
  return members.map(({ address, port }) => {
    const subject = { address, port };
    const read = { ...format, ...(firstToken ? { buckets: true as const } : {}) };
    const about = { ...subject, ...read };
    if (source.kind === 'Endpoint') {
      const url = `http://${hostPort(address, enginePort(source, port))}${source.path}`;
      const common = commonParts('engine', service, pool.name, url, intervalMs, about);
      return { kind: 'Engine', subject, ...read, ...common };
    }
    const { maxAgeMs } = source;
    const path = filledPath(source.path, subject);
    const common = commonParts('engine file', service, pool.name, `file://${path}`, intervalMs, { maxAgeMs, ...about });
    return { kind: 'EngineFile', path, maxAgeMs, subject, ...read, ...common, source: `engine file ${path}` };
  });
}

/** The port of an endpoint's metrics page. */
export function enginePort(source: EngineSource | undefined, port: number): number {
  return source === undefined || source.kind === 'File' ? port : (source.port ?? port);
}
