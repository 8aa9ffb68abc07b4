import fc from 'fast-check';

/** Documents of the language as plain objects: valid by construction, with and without each optional key. */
const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
const duration = fc.oneof(
  fc.integer({ min: 100, max: 600_000 }).map((ms) => `${ms}ms`),
  fc.integer({ min: 1, max: 600 }).map((s) => `${s}s`),
  fc.integer({ min: 1, max: 10 }).map((m) => `${m}m`),
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const percent = fc.integer({ min: 0, max: 100 }).map((value) => `${value}%`);
const count = fc.integer({ min: 1, max: 4_294_967_295 });
/** Keys in any order; absent where undefined. */
function mapping(shape: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .tuple(fc.record(shape), fc.shuffledSubarray(Object.keys(shape), { minLength: Object.keys(shape).length }))
    .map(([values, order]) =>
      Object.fromEntries(order.flatMap((key) => (values[key] === undefined ? [] : [[key, values[key]]]))),
    );
}

const engine = { interval: optional(duration), format: optional(fc.constantFrom('Vllm', 'LlamaCpp')) };
const enginePort = fc.integer({ min: 1, max: 65_535 });
const signals = mapping({
  engine: optional(
    fc.oneof(
      mapping({ ...engine, path: optional(fc.constant('/stats?x=1')), port: optional(enginePort) }),
      mapping({ ...engine, prometheus: fc.constant({ url: 'http://prometheus:9090' }), port: optional(enginePort) }),
      mapping({ ...engine, file: fc.constant({ path: '/run/engines/{address}-{port}.prom', maxAge: '3s' }) }),
    ),
  ),
  gpu: optional(
    fc.oneof(
      mapping({ exporter: mapping({ portOffset: fc.integer({ min: -900, max: 900 }) }), interval: optional(duration) }),
      mapping({
        prometheus: fc.constant({ url: 'http://prometheus:9090' }),
        joinBy: optional(fc.constantFrom(['Uuid'], ['Address'])),
      }),
      mapping({ file: fc.constantFrom({ path: '/run/gpu/{address}-{port}.prom' }, { path: '/g.csv', maxAge: '3s' }) }),
    ),
  ),
  push: optional(fc.constantFrom({}, { lease: '5s' })),
});

const endpoint = mapping({
  address: fc.oneof(
    fc.ipV4().filter((address) => address !== '0.0.0.0'),
    fc.constant('2001:DB8::1'),
  ),
  port: fc.integer({ min: 1000, max: 60_000 }),
  capacity: optional(fc.double({ min: 0.01, max: 1000, noNaN: true })),
  zone: optional(label),
  maxRunningRequests: optional(fc.integer({ min: 1, max: 4096 })),
});

const unique = <T extends Record<string, unknown>>(items: fc.Arbitrary<T>, key: (item: T) => string, max: number) =>
  fc.uniqueArray(items, { minLength: 1, maxLength: max, selector: key });

const tls = mapping({
  sni: optional(fc.constant('models.example')),
  subjectAltNames: fc.constantFrom(['models.example'], ['spiffe://mesh.example/vllm', '2001:DB8::1']),
  trustedCa: fc.constantFrom({ filename: '/ca.pem' }, { sds: { path: '/ca.json', name: 'ca' } }),
  clientCertificate: optional(fc.constantFrom({ certificateChain: '/a', privateKey: '/b' })),
});

const pools = unique(
  mapping({
    name: label,
    capacityType: optional(fc.constantFrom('Reserved', 'OnDemand', 'Spot')),
    modelRevision: optional(fc.constantFrom('1.10', 'true', '2026-10-01')),
    signals: optional(signals),
    upstream: optional(fc.record({ tls })),
    keepWarm: optional(
      mapping({
        model: fc.constantFrom('llama', 'org/model'),
        // required where the servers have TLS
        port: fc.integer({ min: 1, max: 65_535 }),
        interval: optional(fc.constantFrom('1s', '90s', '2h')),
        timeout: optional(fc.constantFrom('100ms', '30s')),
        path: optional(fc.constant('/v1/completions?x=1')),
      }),
    ),
    // one server in two pools is an error, so each pool gets one of its own
    endpoints: fc.uniqueArray(endpoint, { minLength: 1, maxLength: 1 }).map((items) => ({ static: items })),
  }),
  (pool) => String(pool.name),
  3,
).map((items) =>
  items.map((pool, index) => ({
    ...pool,
    endpoints: {
      static: (pool.endpoints as { static: Record<string, unknown>[] }).static.map((one) => ({
        ...one,
        port: 1000 + index,
      })),
    },
  })),
);

const rateLimits = unique(
  mapping({
    name: label,
    rate: fc
      .tuple(fc.integer({ min: 1, max: 9999 }), fc.constantFrom('s', 'm', 'h'))
      .map(([n, unit]) => `${n}/${unit}`),
    burst: fc.integer({ min: 500, max: 9999 }),
    scope: optional(fc.constantFrom('Sidecar', 'Group')),
    key: optional(fc.constant({ header: 'x-api-key' })),
  }),
  (item) => String(item.name),
  3,
);

const spec = mapping({
  hostnames: fc.constantFrom(['*'], ['chat', '*.chat.example']),
  match: optional(
    mapping({
      pathPrefix: optional(fc.constant('/v1/')),
      headers: optional(fc.constantFrom([{ name: 'x-tenant', exact: 'a b' }], [{ name: 'x', exact: '1' }])),
      models: optional(fc.constantFrom(['llama-70b'], ['a', 'b/c'])),
    }),
  ),
  upstream: optional(mapping({ protocol: optional(fc.constantFrom('Http1', 'Http2')), tls: optional(tls) })),
  timeouts: optional(
    mapping({ connect: optional(duration), streamIdle: optional(fc.constant('0s')), request: optional(duration) }),
  ),
  signals: optional(signals),
  pools,
  loadBalancer: optional(
    mapping({
      weights: optional(fc.constantFrom('Active', 'Shadow', 'Disabled')),
      blendRatio: optional(fc.double({ min: 0, max: 1, noNaN: true })),
      maxWeightRatio: optional(fc.integer({ min: 1, max: 1000 })),
      trafficDistribution: optional(fc.constant('PreferSameZone')),
      warmup: optional(duration),
    }),
  ),
  outlierDetection: optional(
    mapping({
      interval: optional(duration),
      maxEjectionPercent: optional(percent),
      alwaysEjectOneHost: optional(fc.boolean()),
    }),
  ),
  retry: optional(
    mapping({
      numRetries: optional(fc.integer({ min: 0, max: 10 })),
      retryOn: optional(fc.constantFrom(['reset'], ['retriable-status-codes', '5xx'])),
      backOff: optional(mapping({ baseInterval: fc.integer({ min: 1, max: 60 }).map((s) => `${s}s`) })),
      budget: optional(mapping({ percent: optional(percent) })),
    }),
  ),
  circuitBreakers: optional(mapping({ maxConnections: optional(count), maxRequests: optional(count) })),
  rateLimits: optional(rateLimits),
});

export type PolicyDocuments = readonly Record<string, unknown>[];

/** A group and its service. */
export const documents: fc.Arbitrary<PolicyDocuments> = fc.tuple(label, label, spec).map(([group, name, body]) => [
  {
    apiVersion: 'loadline.dev/v1alpha1',
    kind: 'SidecarGroup',
    metadata: { name: group },
    spec: { listeners: [{ name: 'models', address: '127.0.0.1', port: 15_001 }], modelServices: [name] },
  },
  { kind: 'ModelService', apiVersion: 'loadline.dev/v1alpha1', metadata: { name }, spec: body },
]);
