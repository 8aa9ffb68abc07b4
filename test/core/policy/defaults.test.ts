import { describe, expect, it } from 'vitest';
import { formatIssue, loadPolicy } from '../../../src/core/policy/index.ts';
import { group, loaded, onlyService, refused, service } from './load.ts';

const chat = (...lines: readonly string[]) => onlyService(loaded(service(lines)));

describe('what a service leaves out', () => {
  it('has no signals, no limits, the root prefix and HTTP/1.1', () => {
    const silent = chat();
    expect(silent.match).toEqual({ pathPrefix: '/' });
    expect(silent.upstream).toEqual({ protocol: 'Http1' });
    expect(silent.rateLimits).toEqual([]);
    expect(silent.pools[0]).toMatchObject({ capacityType: 'OnDemand', signals: {} });
    expect(silent.pools[0]?.endpoints).toEqual({
      kind: 'Static',
      endpoints: [{ address: '10.0.0.1', port: 8000, capacity: 1 }],
    });
  });

  it('is filled in key by key: one key of a block leaves the others at their defaults', () => {
    expect(chat('timeouts: { request: 90s }').timeouts).toEqual({
      connectMs: 2000,
      responseHeadersMs: 600_000,
      perTryIdleMs: 120_000,
      streamIdleMs: 300_000,
      requestMs: 90_000,
    });
    expect(chat('loadBalancer: { weights: Shadow }').loadBalancer).toEqual({
      type: 'LeastRequest',
      weights: 'Shadow',
      blendRatio: 1,
      maxWeightRatio: 20,
      warmupMs: 30_000,
    });
    expect(chat('circuitBreakers: { maxRequests: 64 }').circuitBreakers).toEqual({
      maxConnections: 512,
      maxPendingRequests: 256,
      maxRequests: 64,
    });
    expect(chat('outlierDetection: { maxEjectionPercent: 34% }').outlierDetection).toEqual({
      consecutiveGatewayFailure: 3,
      consecutiveLocalOriginFailure: 3,
      intervalMs: 5000,
      baseEjectionTimeMs: 30_000,
      maxEjectionPercent: 34,
      alwaysEjectOneHost: true,
    });
    expect(chat('retry: { budget: { percent: 12.5% } }').retry).toEqual({
      numRetries: 2,
      retryOn: ['connect-failure', 'refused-stream', 'reset-before-request', 'retriable-status-codes'],
      retriableStatusCodes: [429, 503],
      backOff: { baseIntervalMs: 25, maxIntervalMs: 250 },
      retryAfter: { maxIntervalMs: 30_000 },
      budget: { percent: 12.5, minRetryConcurrency: 3 },
    });
  });

  it('is of a class as of the service, but for what is said of the class', () => {
    const lines = [
      'timeouts: { request: 90s, streamIdle: 1m }',
      'retry: { numRetries: 3, retriableStatusCodes: [503], backOff: { baseInterval: 10ms, maxInterval: 80ms } }',
      'classes:',
      '  - { class: P1, timeouts: { request: 5s } }',
      '  - { class: P2, retry: { numRetries: 0, retryOn: [reset], backOff: { baseInterval: 1s } } }',
    ];
    const classes = `apiVersion: loadline.dev/v1alpha1
kind: TrafficClasses
metadata: { name: standard }
spec: { header: x-class, classes: [{ name: P1 }, { name: P2 }] }
`;
    const result = onlyService(loaded(service(lines), classes));
    const timeouts = { responseHeadersMs: 600_000, perTryIdleMs: 120_000, streamIdleMs: 60_000, requestMs: 90_000 };
    const retry = {
      numRetries: 3,
      retryOn: ['connect-failure', 'refused-stream', 'reset-before-request', 'retriable-status-codes'],
      retriableStatusCodes: [503],
      backOff: { baseIntervalMs: 10, maxIntervalMs: 80 },
      retryAfter: { maxIntervalMs: 30_000 },
    };
    expect(result.classes).toEqual([
      { class: 'P1', timeouts: { ...timeouts, requestMs: 5000 }, retry },
      {
        class: 'P2',
        timeouts,
        retry: {
          ...retry,
          numRetries: 0,
          retryOn: ['reset'],
          retriableStatusCodes: [],
          backOff: { baseIntervalMs: 1000, maxIntervalMs: 10_000 },
        },
      },
    ]);
    expect(chat()).not.toHaveProperty('classes');
  });

  it('takes 0s as none where none is possible', () => {
    const off = 'timeouts: { responseHeaders: 0s, perTryIdle: 0s, streamIdle: 0s, request: 0s }';
    expect(chat(off).timeouts).toMatchObject({ responseHeadersMs: 0, perTryIdleMs: 0, streamIdleMs: 0, requestMs: 0 });
    expect(chat('loadBalancer: { warmup: 0s }').loadBalancer.warmupMs).toBe(0);
  });

  it('lets the longest back-off follow the first, as Envoy does', () => {
    expect(chat('retry: { backOff: { baseInterval: 1s } }').retry.backOff.maxIntervalMs).toBe(10_000);
  });

  it('has no status codes to retry when nothing retries on them', () => {
    expect(chat('retry: { retryOn: [connect-failure, reset] }').retry.retriableStatusCodes).toEqual([]);
  });
});

describe('signals', () => {
  const pools = `pools:
    - { name: a, endpoints: { static: [{ address: 10.0.0.1, port: 8000 }] } }
    - name: b
      signals: { engine: { port: 9000 } }
      endpoints: { static: [{ address: 10.0.0.2, port: 8000 }] }
    - name: c
      signals: { gpu: { prometheus: { url: "http://prometheus:9090" } } }
      endpoints: { static: [{ address: 10.0.0.3, port: 8000 }] }`;
  const shared = 'signals: { engine: { path: /stats, interval: 2s }, gpu: { exporter: { portOffset: 100 } } }';
  const read = onlyService(loaded(service([shared], 'chat', pools))).pools.map((pool) => pool.signals);

  it('of the service hold for a pool that has none', () => {
    expect(read[0]).toEqual({
      engine: { intervalMs: 2000, source: { kind: 'Endpoint', path: '/stats' } },
      gpu: {
        intervalMs: 1000,
        source: { kind: 'Exporter', path: '/metrics', portOffset: 100 },
        joinBy: ['Port'],
        fatalXid: 'Drain',
      },
    });
  });

  it('of a pool replace those of the service, engine and gpu each as a whole', () => {
    expect(read[1]).toEqual({
      ...read[0],
      engine: { intervalMs: 1000, source: { kind: 'Endpoint', path: '/metrics', port: 9000 } },
    });
    expect(read[2]).toEqual({
      engine: { intervalMs: 2000, source: { kind: 'Endpoint', path: '/stats' } },
      gpu: {
        intervalMs: 5000,
        source: { kind: 'Prometheus', url: 'http://prometheus:9090' },
        joinBy: ['Pod', 'Node'],
        fatalXid: 'Drain',
      },
    });
  });

  it('come from the endpoint itself, from Prometheus or from a file', () => {
    const engineOf = (written: string) => chat(`signals: { engine: ${written} }`).pools[0]?.signals.engine;
    expect(engineOf('{}')).toEqual({ intervalMs: 1000, source: { kind: 'Endpoint', path: '/metrics' } });
    expect(engineOf('{ port: 8002, format: Triton, prometheus: { url: "http://p:9090" } }')).toEqual({
      intervalMs: 5000,
      source: { kind: 'Prometheus', url: 'http://p:9090', port: 8002 },
      format: 'Triton',
    });
    expect(engineOf('{ interval: 2s, file: { path: "/run/{address}-{port}.prom" } }')).toEqual({
      intervalMs: 2000,
      source: { kind: 'File', path: '/run/{address}-{port}.prom', maxAgeMs: 15_000 },
    });
  });

  it('are not said to be missing: Prometheus as a source is no warning', () => {
    const result = loadPolicy([{ name: 'p.yaml', text: service([shared], 'chat', pools) }]);
    expect(result).toMatchObject({ ok: true, warnings: [] });
  });
});

describe('rate limits', () => {
  it('are per second, per sidecar unless said otherwise, with 1000 buckets when they have a key', () => {
    const limits = chat(
      'rateLimits:',
      '  - { name: a, rate: 3000/m, burst: 10 }',
      '  - { name: b, rate: 10/h, burst: 1, scope: Group, key: { header: x-api-key } }',
    ).rateLimits;
    expect(limits).toMatchObject([
      { name: 'a', ratePerSec: 50, burst: 10, scope: 'Sidecar', maxKeys: 1 },
      { name: 'b', ratePerSec: 10 / 3600, burst: 1, scope: 'Group', key: { header: 'x-api-key' }, maxKeys: 1000 },
    ]);
    expect(limits[0]?.origin).toEqual({ file: '0.yaml', line: 7, column: 7 });
  });

  it('take any burst with any rate: Envoy fills buckets continuously, and a small one spaces requests', () => {
    expect(chat('rateLimits: [{ name: a, rate: 3000/s, burst: 1 }]').rateLimits[0]?.burst).toBe(1);
    expect(refused(service(['rateLimits: [{ name: a, rate: 3000/s, burst: 0 }]']))[0]?.path).toBe(
      'spec.rateLimits[0].burst',
    );
  });
});

describe('what only Envoy could refuse', () => {
  it('is taken as Envoy takes it: long names of headers, and long prefixes', () => {
    const [header, prefix] = ['x'.repeat(256), `/${'a'.repeat(4095)}`];
    const limit = `rateLimits: [{ name: a, rate: 1/s, burst: 1, key: { header: ${header} } }]`;
    expect(chat(limit).rateLimits[0]?.key?.header).toBe(header);
    expect(chat(`match: { pathPrefix: ${prefix} }`).match).toEqual({ pathPrefix: prefix });
    expect(refused(service([limit.replace('xx', 'xxx')]))[0]?.path).toBe('spec.rateLimits[0].key.header');
    expect(refused(service([`match: { pathPrefix: ${prefix}a }`]))[0]?.path).toBe('spec.match.pathPrefix');
  });
});

describe('host names', () => {
  it('may have underscores, which names of containers have', () => {
    const text = service().replace('["*"]', '[llama_70b, "*.llama_70b.models"]');
    expect(onlyService(loaded(text)).hostnames).toEqual(['llama_70b', '*.llama_70b.models']);
  });
});

describe('addresses', () => {
  it('are kept in the one spelling that Envoy reports back', () => {
    const pools = 'pools: [{ name: a, endpoints: { static: [{ address: "2001:DB8:0:0::1", port: 8000 }] } }]';
    expect(onlyService(loaded(service([], 'chat', pools))).pools[0]?.endpoints).toMatchObject({
      endpoints: [{ address: '2001:db8::1' }],
    });
    const listening = group('[chat]').replace('127.0.0.1', '"::"');
    expect(loaded(listening, service()).groups[0]?.listeners[0]?.address).toBe('::');
  });
});

describe('a split', () => {
  const two = `pools:
    - { name: a, endpoints: { static: [{ address: 10.0.0.1, port: 8000 }] } }
    - { name: b, endpoints: { static: [{ address: 10.0.0.2, port: 8000 }] } }`;
  const splitOf = (line: string, pools = two) => loaded(service([line], 'chat', pools)).services[0]?.split;

  it('names every pool when it is fixed, those that get nothing too', () => {
    expect(splitOf('split: { mode: Fixed, weights: { b: 20 } }')).toEqual({ kind: 'Fixed', weights: { a: 0, b: 20 } });
  });

  it('is the same as none where everything goes to everybody: one pool, one tier, or Adaptive', () => {
    for (const line of ['split: {}', 'split: { mode: Adaptive }', 'split: { tiers: [[a, b]] }'])
      expect(splitOf(line), line).toBeUndefined();
    expect(loaded(service(['split: { mode: Fixed, weights: { gpu: 100 } }'])).services[0]?.split).toBeUndefined();
  });

  it('is fixed or has tiers, not both', () => {
    const line = 'split: { mode: Fixed, weights: { a: 80, b: 20 }, tiers: [[a], [b]] }';
    expect(refused(service([line], 'chat', two)).map(formatIssue)).toEqual([
      '0.yaml:6:59 spec.split.tiers: expected no tiers, because mode is Fixed, got a list. Hint: the share of a pool without healthy endpoints goes to the others by itself',
    ]);
  });

  it('has tiers, in either mode: between the pools of one the weights decide', () => {
    for (const mode of ['Adaptive', 'Failover'])
      expect(splitOf(`split: { mode: ${mode}, tiers: [[b], [a]], failover: { firstTokenP95Above: 2s } }`)).toEqual({
        kind: 'Tiers',
        tiers: [['b'], ['a']],
        failover: { firstTokenP95AboveMs: 2000, returnAfterMs: 60_000 },
      });
  });
});

describe('what is accepted and not enforced yet', () => {
  const warnings = (text: string) => {
    const result = loadPolicy([{ name: 'p.yaml', text }]);
    return result.ok ? result.warnings.map(formatIssue) : expect.fail(result.issues.map(formatIssue).join('\n'));
  };

  const classes = `---
apiVersion: loadline.dev/v1alpha1
kind: TrafficClasses
metadata: { name: standard }
spec: { header: x-class, classes: [{ name: P1, shed: First }, { name: P2 }] }
`;
  const limits = [
    'rateLimits:',
    '  - { name: a, rate: 1/s, burst: 1 }',
    '  - { name: b, rate: 1/s, burst: 1, class: P1 }',
    'overload: { enterAt: 1, leaveAt: 0.5, actions: [{ shed: { class: P1, upTo: 10% } }] }',
  ];

  it('is said of a limit for first tokens that nobody reads', () => {
    const tiers = (signals: string) =>
      warnings(
        service(
          [
            ...(signals === '' ? [] : [`signals: ${signals}`]),
            'split: { tiers: [[a], [b]], failover: { firstTokenP95Above: 2s } }',
          ],
          'chat',
          'pools: [{ name: a, endpoints: { static: [{ address: 10.0.0.1, port: 1 }] } }, { name: b, endpoints: { static: [{ address: 10.0.0.2, port: 1 }] } }]',
        ),
      );
    const unread =
      'spec.split.failover.firstTokenP95Above: not enforced: nobody reads the first tokens of a, for which signals.engine must read the engines themselves';
    expect(tiers('{ engine: {} }')).toEqual([]);
    expect(tiers('').join()).toContain(unread);
    expect(tiers('{ engine: { prometheus: { url: "http://127.0.0.1:9090" } } }').join()).toContain(unread);
  });

  it('is said of a preference for zones where no endpoint has one', () => {
    const preferring = (zone: string) =>
      warnings(
        service(
          ['loadBalancer: { trafficDistribution: PreferSameZone }'],
          'chat',
          `pools: [{ name: a, endpoints: { static: [{ address: 10.0.0.1, port: 1 }, { address: 10.0.0.2, port: 1${zone} }] } }]`,
        ),
      );
    expect(preferring(', zone: b')).toEqual([]);
    expect(preferring('').join()).toContain(
      'spec.loadBalancer.trafficDistribution: not enforced: no endpoint of this service has a zone; give them zone: NAME',
    );
  });

  it('is said of a limit and a shed whose class nobody may choose who reaches the service', () => {
    const withClasses = (allow: string) =>
      `${service(limits)}${classes}---
${group('[chat]', 'lab', [`trafficClasses: { use: standard, allow: [${allow}], default: ${allow} }`])}`;
    expect(warnings(withClasses('P1'))).toEqual([]);
    expect(warnings(withClasses('P2'))).toEqual([
      'p.yaml:8:39 spec.rateLimits[1].class: not enforced: no group that reaches chat allows the class P1',
      'p.yaml:9:61 spec.overload.actions[0].shed.class: not enforced: no group that reaches chat allows the class P1',
    ]);
  });
});
