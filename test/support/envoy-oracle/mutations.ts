import type { Random } from '../../../src/base/units/index.ts';

/** Documents of the language as plain values. Mutated ones hold anything. */
export type Documents = { readonly group: Spec; readonly services: readonly Named[] };
export type Spec = Record<string, unknown>;
export type Named = { name: unknown; spec: Spec };
export type Mutant = {
  readonly name: unknown;
  readonly documents: { group: Spec; services: Named[] };
  readonly edits: readonly string[];
};

type Values = (random: Random) => readonly unknown[];
type Field = { readonly path: string; readonly values: Values };

const DURATIONS: Values = () => [
  ...['0s', '1ms', '2ms', '999ms', '1s', '1.5s', '59m', '10m', '10.5m', '1h', '24h', '168h', '169h', '1000h', '87600h'],
  ...['2562047h', '87660000h', '-1s', '0.5ms', '0.4ms', '1d', '1m30s', '5', 5, '', null, '1S', ' 1s', '1e3s', '0ms'],
];
const PERCENTS: Values = () => [
  ...['0%', '1%', '50%', '99%', '100%', '101%', '150%', '1000%', '-1%', '0.5%', '12.5%', '0.0001%', '0.00001%'],
  ...['99.9999%', '50', 50, 0.5, '%', '4294967296%'],
];
const COUNTS: Values = () => [
  ...[0, 1, 2, 3, 9, 10, 11, 100, 1000, 65_535, 1_000_000, 1_000_001, 2_147_483_647, 2_147_483_648],
  ...[4_294_967_295, 4_294_967_296, 1e12, -1, 1.5, '5', null, true],
];
const PORTS: Values = () => [0, 1, 79, 80, 1023, 15_001, 32_768, 65_534, 65_535, 65_536, 99_999, -1, 80.5, '80', null];
const ADDRESSES: Values = () => [
  ...['127.0.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.1', '10.255.0.1', '10.0.0.256', '010.0.0.1', '10.0.0', '1'],
  ...['::', '::1', '2001:db8::1', '2001:DB8:0:0::1', '2001:db8:0:0:0:0:0:1', 'fe80::1', 'fe80::1%eth0', 'ff02::1'],
  ...['::ffff:10.0.0.1', '::10.0.0.1', '64:ff9b::1.2.3.4', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8:9'],
  ...['[::1]', '10.0.0.1:80', 'localhost', 'models.example', '', ' 10.0.0.1', '10.0.0.1 ', '١٠.٠.٠.١', 10, '0x7f.1'],
];
const HEADERS: Values = () => [
  ...['x-api-key', 'X-API-KEY', 'authorization', 'host', ':path', ':authority', 'x', 'x'.repeat(64), 'x'.repeat(65)],
  ...[
    'x api',
    'x:y',
    'x-ü',
    'x\n',
    'x\u0000',
    '',
    '(none)',
    "!#$%&'*+.^_`|~-",
    'x/y',
    'x,y',
    'x"y',
    '{x}',
    'content-length',
  ],
];
const PREFIXES: Values = () => [
  ...['/', '/v1/', '/v1', '/v1//', '//', '/..', '/../x', '/./', '', 'v1', '/a b', '/a?b', '/a#b', '/a%20b', '/%', '/ü'],
  ...[
    '/*',
    '/a*',
    '/(a|b)',
    '/[a',
    '/\\',
    '/a\tb',
    '/a\u0000b',
    `/${'a'.repeat(1023)}`,
    `/${'a'.repeat(1024)}`,
    '/{x}',
    '/"',
  ],
];
const NAMES: Values = () => [
  ...['a', '1', 'a-b', 'a--b', 'a'.repeat(63), 'a'.repeat(64), 'Chat', 'a.b', 'a_b', '-a', 'a-', 'a b', '', 'ü', 'a/b'],
  ...[
    'constructor',
    'toString',
    '__proto__',
    'loadline-xds',
    'loadline_xds',
    'loadline_sidecars',
    'a+b',
    '*',
    "a'b",
    'null',
    1,
  ],
];
const HOSTS: Values = (random) => [
  ...[['*'], ['chat'], ['chat.example'], ['*.example'], ['*.a.example'], ['*', 'chat'], ['*.example', 'a.example'], []],
  ...[
    ['CHAT'],
    ['chat.'],
    ['.chat'],
    ['a..b'],
    ['-a'],
    ['a-'],
    ['*chat'],
    ['chat*'],
    ['chat.*'],
    ['*.'],
    ['**'],
    ['a.*.b'],
  ],
  ...[
    ['chat', 'chat'],
    ['chat', 'CHAT'],
    ['*', '*'],
    ['münchen'],
    ['xn--mnchen-3ya'],
    ['chat:80'],
    ['a_b'],
    ['1.2.3.4'],
  ],
  ...[
    ['::1'],
    ['[::1]'],
    [''],
    [' '],
    ['a b'],
    ['a/b'],
    ['http://a'],
    [`${'a'.repeat(63)}.b`],
    [`${'a'.repeat(64)}.b`],
  ],
  [Array.from({ length: 32 }, () => 'abcdefg').join('.')],
  Array.from({ length: 200 }, (_, index) => `h${index}.example`),
  [`h${Math.floor(random() * 1e6)}.example`, '*.*'],
];
const ZONES: Values = () => [
  'a',
  'us-east-1a',
  'a b',
  ' ',
  '',
  'ü',
  'a\nb',
  'a\u0000',
  'z'.repeat(128),
  'z'.repeat(129),
  '"',
  1,
];
const CAPACITIES: Values = () => [1, 0.001, 1e-9, 0, -1, 1000, 1000.5, 1001, 1e9, '1', null];
const RATES: Values = () => [
  ...['1/s', '50/s', '0.5/s', '0.001/s', '1/m', '7/m', '1/h', '0.1/h', '0.04/h', '1/d', '1000/s', '999/s', '1000000/s'],
  ...['1000001/s', '0/s', '-1/s', '60000000/m', '59999999/m', '0.000001/s', '3/h', '1.5/m', '333333.333333/s', '5', 5],
];
const BURSTS: Values = () => [0, 1, 2, 49, 50, 51, 500, 50_000, 49_999, 4_294_967_295, 4_294_967_296, -1, 1.5];

/** Where a value of each kind may stand; `*` is one of the elements that are there. */
const FIELDS: readonly Field[] = [
  ...['connect', 'responseHeaders', 'perTryIdle', 'streamIdle', 'request'].map((key) =>
    field(`timeouts.${key}`, DURATIONS),
  ),
  ...['interval', 'baseEjectionTime'].map((key) => field(`outlierDetection.${key}`, DURATIONS)),
  ...['consecutiveGatewayFailure', 'consecutiveLocalOriginFailure'].map((key) =>
    field(`outlierDetection.${key}`, COUNTS),
  ),
  field('outlierDetection.maxEjectionPercent', PERCENTS),
  field('outlierDetection.alwaysEjectOneHost', () => [true, false, 'yes', 0]),
  ...['maxConnections', 'maxPendingRequests', 'maxRequests'].map((key) => field(`circuitBreakers.${key}`, COUNTS)),
  field('retry.numRetries', COUNTS),
  ...['baseInterval', 'maxInterval'].map((key) => field(`retry.backOff.${key}`, DURATIONS)),
  field('retry.retryAfter.maxInterval', DURATIONS),
  field('retry.budget.percent', PERCENTS),
  field('retry.budget.minRetryConcurrency', COUNTS),
  field('retry.retryOn', () => [
    ...['5xx', 'gateway-error', 'reset', 'reset-before-request', 'connect-failure', 'envoy-ratelimited'].map((word) => [
      word,
    ]),
    ...['retriable-4xx', 'refused-stream', 'retriable-status-codes', 'cancelled', 'unavailable', 'internal'].map(
      (word) => [word],
    ),
    ...[[], ['bogus'], ['5XX'], ['retriable-headers'], ['5xx', '5xx'], ['5xx', 'reset'], ['5xx,reset'], ['']],
  ]),
  field('retry.retriableStatusCodes', () => [
    [],
    [429],
    [100],
    [99],
    [599],
    [600],
    [429, 429],
    [0],
    [-1],
    [1e6],
    [200, 503],
    ['429'],
  ]),
  field('loadBalancer.type', () => ['LeastRequest', 'RoundRobin', 'Random', 'leastrequest']),
  field('upstream.protocol', () => ['Http1', 'Http2', 'Http3', 'http2']),
  field('signals.orca', () => [
    { requestFormat: 'Json' },
    { requestFormat: 'Text' },
    { requestFormat: 'None' },
    { requestFormat: 'Binary' },
    {},
  ]),
  field('hostnames', HOSTS),
  field('match.pathPrefix', PREFIXES),
  field('pools.0.endpoints.static.0.address', ADDRESSES),
  field('pools.0.endpoints.static.0.port', PORTS),
  field('pools.0.endpoints.static.0.zone', ZONES),
  field('pools.0.endpoints.static.0.capacity', CAPACITIES),
  field('pools.0.endpoints.static', (random) => [
    [],
    endpoints(1 + Math.floor(random() * 3)),
    endpoints(300),
    [...endpoints(2), ...endpoints(1)],
    [
      { address: '2001:db8::1', port: 80 },
      { address: '2001:DB8:0::1', port: 80 },
    ],
    [
      { address: '10.1.0.1', port: 80, zone: 'a' },
      { address: '10.1.0.1', port: 80, zone: 'b' },
    ],
    ['a', 'b', 'c', 'd'].map((zone, index) => ({ address: `10.2.0.${index}`, port: 80, zone })),
  ]),
  field('pools.0.name', NAMES),
  field('rateLimits.0.name', NAMES),
  field('rateLimits.0.rate', RATES),
  field('rateLimits.0.burst', BURSTS),
  field('rateLimits.0.scope', () => ['Sidecar', 'Group', 'Mesh']),
  field('rateLimits.0.key.header', HEADERS),
  field('rateLimits.0.maxKeys', COUNTS),
  field('rateLimits', (random) => [
    [],
    [limit('a'), limit('b'), { ...limit('c'), scope: 'Group' }],
    [limit('a'), limit('a')],
    [
      { ...limit('a'), key: { header: 'x-a' } },
      { ...limit('b'), key: { header: 'x-a' } },
    ],
    [{ ...limit('a'), key: { header: 'x-a' }, scope: 'Group' }],
    Array.from({ length: 60 }, (_, index) => limit(`l${index}`)),
    [{ ...limit('a'), rate: `${Math.ceil(random() * 1e6)}/s`, burst: 1e6 }],
  ]),
  field('group.listeners.0.address', ADDRESSES),
  field('group.listeners.0.port', PORTS),
  field('group.listeners.0.name', NAMES),
  field('group.listeners', (random) => {
    const port = 10_000 + Math.floor(random() * 9000);
    const one = { name: 'one', address: '127.0.0.1', port };
    return [
      [],
      [one, { ...one, name: 'two', port: port + 1 }],
      [one, { ...one, name: 'two' }],
      [one, { ...one, port: port + 1 }],
      [one, { ...one, name: 'two', address: '::1' }],
      [
        { ...one, address: '::1' },
        { ...one, name: 'two', address: '0:0:0:0:0:0:0:1' },
      ],
      [one, { ...one, name: 'two', address: '0.0.0.0' }],
      [
        { ...one, address: '0.0.0.0' },
        { ...one, name: 'two', address: '::' },
      ],
    ];
  }),
  field('name', NAMES),
  field('group.modelServices', () => ['SAME', 'TWICE', 'UNKNOWN', 'NONE']),
  field('second', () => [
    'SAME HOST',
    'SAME MATCH',
    'LONGER PREFIX',
    'SOME HOSTS',
    'SAME NAME',
    'SAME ENDPOINTS',
    'HOST CASE',
  ]),
];

/** A valid policy that reaches every part that is compiled, with one to three values changed. */
export function mutant(index: number, random: Random): Mutant {
  const documents = base(index, random);
  const count = random() < 0.6 ? 1 : random() < 0.75 ? 2 : 3;
  const edits: string[] = [];
  for (let edit = 0; edit < count; edit++) {
    const { path, values } = pick(FIELDS, random);
    const value = pick(values(random), random);
    apply(documents, path, value);
    edits.push(`${path} = ${(JSON.stringify(value) ?? 'undefined').slice(0, 80)}`);
  }
  return { name: documents.services[0]?.name, documents, edits };
}

/** Names and ports of their own for each, so that many fit into one Envoy. */
function base(index: number, random: Random): Mutant['documents'] {
  const [group, chat] = [`g-${index}`, `chat-${index}`];
  const spec: Spec = {
    hostnames: random() < 0.5 ? ['*'] : [`chat-${index}.example`],
    pools: [{ name: 'gpu', endpoints: { static: endpoints(2) } }],
    timeouts: {},
    outlierDetection: {},
    circuitBreakers: {},
    match: {},
    upstream: {},
    loadBalancer: {},
    signals: {},
    retry: { backOff: {}, retryAfter: {}, budget: {} },
    rateLimits:
      random() < 0.5 ? [limit('all')] : [{ ...limit('tenant'), key: { header: 'x-api-key' }, scope: 'Group' }],
  };
  return {
    group: {
      name: group,
      listeners: [{ name: `models-${index}`, address: '127.0.0.1', port: 20_000 + (index % 40_000) }],
      modelServices: [chat],
    },
    services: [{ name: chat, spec }],
  };
}

function apply(documents: Mutant['documents'], path: string, value: unknown): void {
  const { group, services } = documents;
  const [first] = services as [Named];
  if (path === 'name') {
    first.name = value;
    group.modelServices = [value];
  } else if (path === 'group.modelServices') {
    const name = first.name;
    group.modelServices = { SAME: [name], TWICE: [name, name], UNKNOWN: [name, 'nobody'], NONE: [] }[value as string];
  } else if (path === 'second') addSecond(documents, value as string);
  else if (path.startsWith('group.')) set(group, path.slice('group.'.length), value);
  else {
    if (path.startsWith('rateLimits.0') && !hasLimit(first.spec)) first.spec.rateLimits = [limit('all')];
    if (path.endsWith('key.header')) ((first.spec.rateLimits as Spec[])[0] as Spec).key ??= {};
    set(first.spec, path, value);
  }
}

function hasLimit({ rateLimits }: Spec): boolean {
  return Array.isArray(rateLimits) && rateLimits.length > 0;
}

function addSecond({ group, services }: Mutant['documents'], how: string): void {
  const [first] = services as [Named];
  const second: Named = { name: `${first.name}-2`, spec: structuredClone(first.spec) };
  const { spec } = second;
  spec.rateLimits = [];
  if (how !== 'SAME MATCH' && how !== 'SAME NAME') spec.match = { pathPrefix: '/second/' };
  if (how === 'LONGER PREFIX') spec.match = { pathPrefix: '/v1/chat/completions' };
  if (how === 'SOME HOSTS') spec.hostnames = [...(first.spec.hostnames as string[]), 'other.example'];
  if (how === 'HOST CASE') {
    first.spec.hostnames = ['chat.example'];
    spec.hostnames = ['CHAT.example'];
  }
  if (how === 'SAME NAME') second.name = first.name;
  services.push(second);
  if (Array.isArray(group.modelServices)) group.modelServices = [...group.modelServices, second.name];
}

function set(spec: Spec, path: string, value: unknown): void {
  const steps = path.split('.');
  let at: unknown = spec;
  for (const step of steps.slice(0, -1)) {
    if (typeof at !== 'object' || at === null) return;
    const parent = at as Spec;
    parent[step] ??= {};
    at = parent[step];
  }
  if (typeof at === 'object' && at !== null) (at as Spec)[steps.at(-1) as string] = value;
}

function field(path: string, values: Values): Field {
  return { path, values };
}

function limit(name: string): Spec {
  return { name, rate: '10/s', burst: 100 };
}

function endpoints(count: number): Spec[] {
  return Array.from({ length: count }, (_, index) => ({ address: `10.${index >> 8}.${index & 255}.1`, port: 8000 }));
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)] as T;
}
