import fc from 'fast-check';
import type {
  ConfigResourceView,
  EndpointExplanation,
  ExplainView,
  OperationView,
  ProxyConfigView,
  ServerView,
} from '../../../src/edge/observe/index.ts';

/** Views as the rooms could make them: every word of every union, `null` wherever something may be unknown. */
const text = fc.string({ maxLength: 12 });
const count = fc.nat(1_000_000);
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const unknown = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
/** Times to the microsecond: Timestamp and Duration carry nanoseconds. */
const timeMs = fc.integer({ min: 0, max: 4_000_000_000_000 }).chain((ms) => fc.nat(999).map((us) => ms + us / 1000));
const spanMs = fc.integer({ min: 0, max: 10_000_000 }).map((us) => us / 1000);
/** Properties that may be absent, for types that do not take `undefined`. */
function sparse<T extends object, U extends object>(
  all: fc.Arbitrary<T>,
  some: { [K in keyof U]: fc.Arbitrary<U[K]> },
) {
  return fc
    .tuple(all, fc.record(some, { requiredKeys: [] }))
    .map(([one, two]) => ({ ...one, ...two }) as T & Partial<U>);
}

const outcome = fc.constantFrom<ExplainView['outcome']>(
  'Undecided',
  'First',
  'Pushed',
  'SnappedEqual',
  'HeldEqual',
  'HeldDeadBand',
  'HeldSameVector',
  'HeldTooSoon',
  'HeldNoSignal',
  'Single',
  'Membership',
  'Shadow',
  'Disabled',
  'Frozen',
);
const state = fc.constantFrom<EndpointExplanation['state']>('Active', 'Draining', 'Bad', 'WarmingUp', 'Stale');
const status = fc.constantFrom<'SYNCED' | 'STALE' | 'NACKED' | 'NOT_SENT'>('SYNCED', 'STALE', 'NACKED', 'NOT_SENT');

const signalState = fc.constantFrom<'Fresh' | 'Stale' | 'Absent' | 'Conflict' | 'Ignored'>(
  'Fresh',
  'Stale',
  'Absent',
  'Conflict',
  'Ignored',
);
const position = fc.record({ file: text, line: count, column: count });
const issue = sparse<
  { code: string; path: string; message: string },
  { hint: string; position: { file: string; line: number; column: number } }
>(fc.record({ code: text, path: text, message: text }), { hint: text, position });

const endpoint = fc.record({
  id: text,
  address: text,
  port: fc.nat(65_535),
  weight: fc.nat(1000),
  share: number,
  issuedShare: unknown(number),
  pressure: unknown(number),
  inFlight: unknown(number),
  ageMs: unknown(spanMs),
  signalAgesMs: fc.dictionary(fc.constantFrom('engine', 'gpu', 'reports'), spanMs, { noNullPrototype: true }),
  signalStates: fc.dictionary(fc.constantFrom('engine', 'gpu', 'xid'), signalState, { noNullPrototype: true }),
  gpuFault: unknown(text),
  leavingSinceMs: unknown(timeMs),
  state,
  reason: text,
});

const type = sparse<
  { type: string; status: 'SYNCED' | 'STALE' | 'NACKED' | 'NOT_SENT'; resources: number },
  { version: string; sentAtMs: number; ackedAtMs: number; message: string; origin: string; revision: string }
>(fc.record({ type: text, status, resources: count }), {
  version: text,
  sentAtMs: timeMs,
  ackedAtMs: timeMs,
  message: text,
  origin: text,
  revision: text,
});

export const operations: fc.Arbitrary<OperationView> = fc.record({
  id: text,
  kind: fc.constantFrom<OperationView['kind']>('Freeze', 'Drain', 'Failover', 'Shed'),
  service: text,
  target: text,
  effect: text,
  toPool: unknown(text),
  percent: unknown(fc.integer({ min: 1, max: 100 })),
  reason: text,
  author: text,
  startedAtMs: timeMs,
  endsAtMs: timeMs,
  forced: fc.boolean(),
  state: fc.constantFrom<OperationView['state']>('Running', 'Lapsed', 'Cancelled'),
  phase: fc.constantFrom<OperationView['phase']>('Canary', 'Everywhere'),
  note: unknown(text),
  finishedAtMs: unknown(timeMs),
  cancelledBy: unknown(text),
  cancelReason: unknown(text),
});

const failover = fc.record({
  phase: fc.constantFrom('Home' as const, 'Away' as const, 'Returning' as const),
  percent: fc.integer({ min: 0, max: 100 }),
  reason: text,
  tiers: fc.array(
    fc.record({ pools: fc.array(text, { maxLength: 2 }), firstTokenP95Sec: unknown(number), firstTokens: count }),
    { maxLength: 3 },
  ),
});

const warmth = fc.record({ warm: count, cold: count, unknown: count, reason: text });
const zones = fc.record({
  plannedLocalRatio: number,
  measuredLocalRatio: unknown(number),
  zones: fc.array(fc.record({ zone: text, demandRatio: number, capacityRatio: number, localRatio: unknown(number) }), {
    maxLength: 3,
  }),
});

export const serverViews: fc.Arbitrary<ServerView> = fc.record({
  version: text,
  startedAtMs: timeMs,
  nowMs: timeMs,
  revision: text,
  tick: fc.nat(Number.MAX_SAFE_INTEGER),
  policy: fc.record({
    files: fc.array(text),
    revision: text,
    loadedAtMs: timeMs,
    problems: fc.array(issue, { maxLength: 3 }),
    warnings: fc.array(issue, { maxLength: 3 }),
  }),
  services: fc.array(
    fc.record({
      name: text,
      outcome,
      decidedAtMs: unknown(timeMs),
      overload: unknown(
        fc.record({
          saturation: unknown(number),
          reason: text,
          level: count,
          levels: count,
          sheds: fc.array(fc.record({ class: text, percent: fc.integer({ min: 1, max: 100 }) }), { maxLength: 3 }),
          degrades: fc.array(fc.record({ class: text, pool: text, percent: fc.integer({ min: 1, max: 100 }) }), {
            maxLength: 3,
          }),
          withoutSpot: unknown(fc.record({ saturation: unknown(number), reason: text })),
        }),
      ),
      failover: unknown(failover),
      zones: unknown(zones),
      pools: fc.array(
        sparse<Omit<ServerView['services'][0]['pools'][0], 'note'>, { note: string }>(
          fc.record({
            name: text,
            split: number,
            warmth: unknown(warmth),
            endpoints: fc.array(endpoint, { maxLength: 3 }),
          }),
          {
            note: text,
          },
        ),
        { maxLength: 2 },
      ),
    }),
    { maxLength: 2 },
  ),
  nodes: fc.array(
    fc.record({
      id: text,
      group: text,
      envoyVersion: text,
      peer: text,
      connectedAtMs: timeMs,
      types: fc.array(type, { maxLength: 3 }),
    }),
    { maxLength: 2 },
  ),
  sources: fc.array(
    fc.record({
      source: text,
      service: text,
      pool: text,
      lastSuccessMs: fc.option(timeMs, { nil: undefined }),
      consecutiveFailures: count,
      lastError: fc.option(text, { nil: undefined }),
    }),
    { maxLength: 2 },
  ),
  operations: fc.array(operations, { maxLength: 2 }),
  tls: unknown(
    fc.record({
      certificates: fc.array(
        fc.record({
          role: fc.constantFrom('server', 'client_ca', 'client_crl'),
          file: text,
          expiresAtMs: timeMs,
          state: fc.constantFrom<'Valid' | 'Late' | 'Urgent' | 'Expired'>('Valid', 'Late', 'Urgent', 'Expired'),
        }),
        { maxLength: 3 },
      ),
      problems: fc.array(text, { maxLength: 2 }),
    }),
  ),
});

const terms = fc.record({
  capacity: number,
  inFlight: number,
  foreign: number,
  health: number,
  ramp: number,
  feedForward: number,
  speed: number,
});

const belief = fc.record({
  inFlight: number,
  inFlightPerSidecar: number,
  foreign: number,
  slots: number,
  slotsKnown: fc.boolean(),
  logCapacity: number,
  capacitySource: fc.constantFrom<'Engine' | 'LoadReports' | 'None'>('Engine', 'LoadReports', 'None'),
  freshness: fc.constantFrom<'Fresh' | 'Stale' | 'Absent'>('Fresh', 'Stale', 'Absent'),
  gate: fc.constantFrom<'Open' | 'Closed' | 'Absent'>('Open', 'Closed', 'Absent'),
  gpuUtilRatio: unknown(number),
  kvUsageRatio: unknown(number),
  running: unknown(number),
  waiting: unknown(number),
  pressure: number,
  errorsPerSec: number,
  errorRatio: number,
  bad: fc.boolean(),
  waitingForFirst: fc.boolean(),
  rampAgeSec: unknown(spanMs),
  ageMs: unknown(spanMs),
  notes: fc.array(text, { maxLength: 3 }),
  signals: fc.array(fc.record({ signal: text, state: signalState, why: text }), { maxLength: 3 }),
});

export const explainViews: fc.Arbitrary<ExplainView> = fc.record({
  service: text,
  outcome,
  equal: fc.boolean(),
  nowMs: timeMs,
  decidedAtMs: unknown(timeMs),
  sidecars: count,
  loadReports: fc.constantFrom<'Fresh' | 'Silent'>('Fresh', 'Silent'),
  requestTimeSec: unknown(spanMs),
  meanInFlightPerSidecar: unknown(number),
  goodPressure: unknown(number),
  imbalance: unknown(number),
  counterfactual: unknown(
    fc.record({
      imbalance: number,
      moves: fc.array(fc.record({ id: text, now: number, estimated: number }), { maxLength: 3 }),
    }),
  ),
  loop: unknown(
    fc.record({
      gain: number,
      damping: number,
      herdAtMs: unknown(timeMs),
      delaySec: number,
      reportsSec: unknown(number),
      ackSec: unknown(number),
      picksSec: unknown(number),
    }),
  ),
  operations: fc.array(operations, { maxLength: 2 }),
  failover: unknown(failover),
  zones: unknown(zones),
  probe: unknown(fc.record({ endpoint: text, factor: number, endAtMs: timeMs, reason: text })),
  endpoints: fc.array(
    fc.record({
      id: text,
      pool: text,
      address: text,
      port: fc.nat(65_535),
      state,
      previousWeight: fc.nat(1000),
      weight: fc.nat(1000),
      shadowWeight: unknown(fc.nat(1000)),
      share: number,
      issuedShare: unknown(number),
      reason: text,
      terms: unknown(terms),
      clamps: fc.array(text, { maxLength: 3 }),
      belief: unknown(belief),
    }),
    { maxLength: 3 },
  ),
});

const configResource = sparse<
  Pick<ConfigResourceView, 'name' | 'status'>,
  Required<Omit<ConfigResourceView, 'name' | 'status'>>
>(fc.record({ name: text, status }), {
  wantedVersion: text,
  sentVersion: text,
  ackedVersion: text,
  origin: text,
  revision: text,
  waiting: fc.record({ reason: text, sinceMs: timeMs, gaveUp: fc.boolean() }),
  refusal: fc.record({ message: text, atMs: timeMs }),
});

export const proxyConfigViews: fc.Arbitrary<ProxyConfigView> = fc.record({
  id: text,
  group: text,
  envoyVersion: text,
  connectedAtMs: timeMs,
  nowMs: timeMs,
  policyRevision: text,
  types: fc.array(
    sparse<Omit<ProxyConfigView['types'][0], 'sentAtMs' | 'ackedAtMs'>, { sentAtMs: number; ackedAtMs: number }>(
      fc.record({ type: text, peer: text, resources: fc.array(configResource, { maxLength: 3 }) }),
      { sentAtMs: timeMs, ackedAtMs: timeMs },
    ),
    { maxLength: 3 },
  ),
});
