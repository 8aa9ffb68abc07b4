import { describe, expect, it } from 'vitest';
import type { Policy, Pool, PoolEndpoints, Signals, Split } from '../../../src/core/policy/index.ts';
import { type Endpoint, endpointId } from '../../../src/core/topology/index.ts';
import { targetsFromPolicy } from '../../../src/edge/signals/index.ts';
import { policyOf, poolOf } from './policy-of.ts';

const page = { kind: 'Endpoint', path: '/metrics' } as const;
const engine = { intervalMs: 1000, source: page };

function endpoints(pool: string, ...addresses: readonly [string, number][]): Endpoint[] {
  return addresses.map(([address, port]) => ({
    id: endpointId('chat', pool, address, port),
    service: 'chat',
    pool,
    address,
    port,
    incarnation: 'static',
    capacity: 1,
    lifecycle: 'Active',
  }));
}

function gpu(source: NonNullable<Signals['gpu']>['source']): NonNullable<Signals['gpu']> {
  return { intervalMs: 2000, source, joinBy: ['Pod', 'Node'], fatalXid: 'Drain' };
}

function policy(signals: Signals, kind: PoolEndpoints = { kind: 'Static', endpoints: [] }): Policy {
  const pool: Pool = { ...poolOf('gpu'), endpoints: kind, signals };
  return policyOf('chat', [pool]);
}

describe('targets of a policy', () => {
  it('are the engine of each endpoint and the exporter beside it', () => {
    const signals = { engine, gpu: gpu({ kind: 'Exporter', portOffset: 100, path: '/metrics' }) };
    const found = targetsFromPolicy(policy(signals), endpoints('gpu', ['127.0.0.1', 9101], ['127.0.0.1', 9102]));
    expect(
      found.map((target) => [target.kind, 'url' in target && target.url, target.source, target.intervalMs]),
    ).toEqual([
      ['Engine', 'http://127.0.0.1:9101/metrics', 'engine http://127.0.0.1:9101/metrics', 1000],
      ['Engine', 'http://127.0.0.1:9102/metrics', 'engine http://127.0.0.1:9102/metrics', 1000],
      ['Exporter', 'http://127.0.0.1:9201/metrics', 'gpu http://127.0.0.1:9201/metrics', 2000],
      ['Exporter', 'http://127.0.0.1:9202/metrics', 'gpu http://127.0.0.1:9202/metrics', 2000],
    ]);
    expect(found[2]).toMatchObject({ subject: { address: '127.0.0.1', port: 9101 }, service: 'chat', pool: 'gpu' });
  });

  it('want histograms only where a limit of first tokens is to be looked at', () => {
    const { services, ...rest } = policy({ engine });
    const found = (failover: Extract<Split, { kind: 'Tiers' }>['failover']) => {
      const split: Split = { kind: 'Tiers', tiers: [['gpu'], ['spare']], failover };
      const tiered = { ...rest, services: services.map((one) => ({ ...one, split })) };
      return targetsFromPolicy(tiered, endpoints('gpu', ['127.0.0.1', 9101]));
    };
    const [plain] = found({ returnAfterMs: 1000 });
    const [limited] = found({ returnAfterMs: 1000, firstTokenP95AboveMs: 2000 });
    expect(plain).not.toHaveProperty('buckets');
    expect(limited).toMatchObject({ kind: 'Engine', buckets: true });
    // Another target: its page is read anew when the policy begins to ask for it.
    expect(limited?.key).not.toBe(plain?.key);
  });

  it('know IPv6 and a port of their own for the engine metrics', () => {
    const found = targetsFromPolicy(
      policy({ engine: { ...engine, source: { ...page, port: 9400 } } }),
      endpoints('gpu', ['2001:db8::1', 80]),
    );
    expect(found).toMatchObject([
      { url: 'http://[2001:db8::1]:9400/metrics', subject: { address: '2001:db8::1', port: 80 } },
    ]);
  });

  it('read an exporter once that several endpoints of a host share, and then claim no port for its GPUs', () => {
    const signals = { gpu: gpu({ kind: 'Exporter', port: 9400, path: '/metrics' }) };
    const shared = endpoints('gpu', ['10.0.0.1', 8000], ['10.0.0.1', 8001], ['10.0.0.2', 8000]);
    expect(targetsFromPolicy(policy(signals), shared)).toMatchObject([
      { url: 'http://10.0.0.1:9400/metrics', subject: { address: '10.0.0.1' } },
      { url: 'http://10.0.0.2:9400/metrics', subject: { address: '10.0.0.2', port: 8000 } },
    ]);
    expect(targetsFromPolicy(policy(signals), shared)[0]).not.toHaveProperty('subject.port');
  });

  it('claim no port for an exporter that servers of other pools share either, and one for a server listed twice', () => {
    const signals = { gpu: gpu({ kind: 'Exporter', port: 9400, path: '/metrics' }) };
    const two: Policy = policyOf(
      'chat',
      ['a', 'b'].map((name) => ({ ...poolOf(name), signals })),
    );
    const subjects = (...ports: readonly [number, number]) =>
      targetsFromPolicy(two, [
        ...endpoints('a', ['10.0.0.1', ports[0]]),
        ...endpoints('b', ['10.0.0.1', ports[1]]),
      ]).map((target) => 'subject' in target && target.subject);
    expect(subjects(8000, 8001)).toEqual([{ address: '10.0.0.1' }, { address: '10.0.0.1' }]);
    expect(subjects(8000, 8000)).toEqual([
      { address: '10.0.0.1', port: 8000 },
      { address: '10.0.0.1', port: 8000 },
    ]);
  });

  it('are one Prometheus for a whole pool, with its path and query kept and its password not shown', () => {
    const url = 'https://me:secret@prometheus:9090/prefix/?tenant=hidden';
    const kubernetes = { kind: 'Kubernetes', namespace: 'models', service: 'llama', port: 8000 } as const;
    const signals = { gpu: gpu({ kind: 'Prometheus', url }) };
    const found = targetsFromPolicy(policy(signals, kubernetes), endpoints('gpu', ['10.0.0.1', 80], ['10.0.0.2', 80]));
    expect(found).toMatchObject([
      {
        kind: 'Prometheus',
        url: 'https://me:secret@prometheus:9090/prefix/api/v1/query?tenant=hidden',
        source: 'prometheus https://prometheus:9090/prefix/api/v1/query',
        joinBy: ['Pod', 'Node'],
        namespace: 'models',
      },
    ]);
  });

  it('are a file for each endpoint, or one whose labels tell where they share it', () => {
    const shared = endpoints('gpu', ['10.0.0.1', 8000], ['10.0.0.1', 8001], ['2001:db8::1', 8000]);
    const found = (path: string) =>
      targetsFromPolicy(policy({ gpu: gpu({ kind: 'File', path, maxAgeMs: 9000 }) }), shared);
    expect(found('/run/gpu/{address}-{port}.prom')).toMatchObject([
      {
        kind: 'File',
        path: '/run/gpu/10.0.0.1-8000.prom',
        subject: { address: '10.0.0.1', port: 8000 },
        maxAgeMs: 9000,
      },
      { path: '/run/gpu/10.0.0.1-8001.prom', subject: { address: '10.0.0.1', port: 8001 } },
      { path: '/run/gpu/2001:db8::1-8000.prom', source: 'file /run/gpu/2001:db8::1-8000.prom' },
    ]);
    expect(found('/run/{address}.csv').map((target) => 'subject' in target && target.subject)).toEqual([
      { address: '10.0.0.1' },
      { address: '2001:db8::1', port: 8000 },
    ]);
    expect(found('/run/gpu.prom')).toMatchObject([{ path: '/run/gpu.prom', subject: {} }]);
    expect(new Set([...found('/run/a'), ...found('/run/b')].map(({ key }) => key)).size).toBe(2);
  });

  it('are one Prometheus for the engines of a pool, with what each of them may be called there', () => {
    const source = { kind: 'Prometheus', url: 'https://me:secret@prometheus:9090/', port: 8002 } as const;
    const signals = { engine: { intervalMs: 5000, source, format: 'Triton' as const } };
    const at = endpoints('gpu', ['10.0.0.1', 8000], ['10.0.0.1', 8001], ['2001:db8::1', 8000]);
    expect(targetsFromPolicy(policy(signals), at)).toMatchObject([
      {
        kind: 'EnginePrometheus',
        source: 'engine prometheus https://prometheus:9090/api/v1/query',
        url: 'https://me:secret@prometheus:9090/api/v1/query',
        format: 'Triton',
        endpoints: [
          // Of two servers on one address neither is meant by the address alone.
          { subject: { address: '10.0.0.1', port: 8000 }, instances: ['10.0.0.1:8002'] },
          { subject: { address: '10.0.0.1', port: 8001 }, instances: ['10.0.0.1:8002'] },
          { subject: { address: '2001:db8::1', port: 8000 }, instances: ['[2001:db8::1]:8002', '2001:db8::1'] },
        ],
      },
    ]);
  });

  it('know what Kubernetes calls an endpoint, as long as nobody else in the policy could be meant', () => {
    const kubernetes = { kind: 'Kubernetes', namespace: 'models', service: 'llama', port: 8000 } as const;
    const source = { kind: 'Prometheus', url: 'http://p' } as const;
    const [one, two, other] = endpoints('gpu', ['10.0.0.1', 8000], ['10.0.0.2', 8000], ['10.0.0.3', 8000]);
    const at = [
      { ...(one as Endpoint), pod: 'llama-0', node: 'n1' },
      { ...(two as Endpoint), pod: 'llama-1', node: 'n2' },
    ];
    // Read elsewhere, and still somebody who could be meant by the name of its node.
    const elsewhere = { ...(other as Endpoint), service: 'code', pool: 'cpu', node: 'n1', port: 9000 };
    const services = policyOf('code', [poolOf('cpu', { signals: { engine } })]).services;
    const both = policy({ engine: { intervalMs: 5000, source } }, kubernetes);
    const [found] = targetsFromPolicy({ ...both, services: [...both.services, ...services] }, [...at, elsewhere]);
    expect(found).toMatchObject({
      endpoints: [
        {
          instances: ['10.0.0.1:8000', '10.0.0.1', 'llama-0:8000', 'llama-0', 'n1:8000'],
          pod: 'llama-0',
          namespace: 'models',
        },
        { instances: ['10.0.0.2:8000', '10.0.0.2', 'llama-1:8000', 'llama-1', 'n2:8000', 'n2'] },
      ],
    });
  });

  it('take a server that two services list for one, and localhost for an address of this machine', () => {
    const source = { kind: 'Prometheus', url: 'http://p' } as const;
    const signals = { engine: { intervalMs: 5000, source } };
    const [one] = endpoints('gpu', ['127.0.0.1', 8000]);
    const both = ['chat', 'code'].map((name) => policyOf(name, [poolOf('gpu', { signals })]));
    const found = targetsFromPolicy({ ...policy({}), services: both.flatMap(({ services }) => services) }, [
      one as Endpoint,
      { ...(one as Endpoint), service: 'code' },
    ]);
    const instances = ['127.0.0.1:8000', '127.0.0.1', 'localhost:8000', 'localhost'];
    expect(found).toMatchObject([{ endpoints: [{ instances }] }, { endpoints: [{ instances }] }]);
  });

  it('are a file for the engine of each endpoint', () => {
    const source = { kind: 'File', path: '/run/{address}-{port}.prom', maxAgeMs: 9000 } as const;
    const found = targetsFromPolicy(
      policy({ engine: { intervalMs: 1000, source } }),
      endpoints('gpu', ['10.0.0.1', 8000], ['10.0.0.1', 8001]),
    );
    expect(found).toMatchObject([
      {
        kind: 'EngineFile',
        source: 'engine file /run/10.0.0.1-8000.prom',
        path: '/run/10.0.0.1-8000.prom',
        maxAgeMs: 9000,
        subject: { address: '10.0.0.1', port: 8000 },
      },
      { path: '/run/10.0.0.1-8001.prom', subject: { address: '10.0.0.1', port: 8001 } },
    ]);
  });

  it('are none for a pool without endpoints or without signals', () => {
    const signals = { engine, gpu: gpu({ kind: 'Prometheus', url: 'http://p' }) };
    expect(targetsFromPolicy(policy(signals), [])).toEqual([]);
    expect(targetsFromPolicy(policy({}), endpoints('gpu', ['10.0.0.1', 80]))).toEqual([]);
    expect(targetsFromPolicy(policy(signals), endpoints('other', ['10.0.0.1', 80]))).toEqual([]);
  });

  it('have keys that stay when nothing about them changes, and differ when anything does', () => {
    const at = endpoints('gpu', ['10.0.0.1', 80]);
    const keys = (signals: Signals) => targetsFromPolicy(policy(signals), at).map(({ key }) => key);
    expect(keys({ engine })).toEqual(keys({ engine: { ...engine } }));
    const all = [
      { engine },
      { engine: { ...engine, source: { ...page, path: '/m' } } },
      { engine: { ...engine, source: { kind: 'Prometheus' as const, url: 'http://p' } } },
      { engine: { ...engine, source: { kind: 'File' as const, path: '/m', maxAgeMs: 15_000 } } },
      { engine: { ...engine, intervalMs: 2000 } },
      { engine: { ...engine, format: 'Nim' as const } },
    ].flatMap(keys);
    expect(new Set(all).size).toBe(6);
  });
});
