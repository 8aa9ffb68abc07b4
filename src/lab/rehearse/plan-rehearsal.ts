import { LoadlineError } from '../../base/errors.ts';
import { formatDuration, seededRandom } from '../../base/units/index.ts';
import type { ModelService, Policy } from '../../core/policy/index.ts';
import type { ServerProfile } from '../modelserver/index.ts';
import { drawLengths, type Governance, type Scenario, type Zones } from '../simulate/index.ts';
import { meanRatePerSec, stretched, type TraceRow } from '../traffic/index.ts';
import { faultEvents } from './fault-events.ts';
import { fullRatePerSec, type RequestLengths } from './full-rate.ts';
import { type Placed, placeServers } from './place-servers.ts';
import type { RehearsalSpec } from './rehearsal-spec.ts';

const DEFAULT_SIDECARS = 16;
const DEFAULT_LOAD = 0.7;
const DEFAULT_DURATION_MS = 300_000;
const DEFAULT_TTFT_MS = 500;
const DEFAULT_TPOT_MS = 200;
const DEFAULT_WARM_UP_MS = 30_000;
/** At most this part of the run when nothing else is said. */
const WARM_UP_PART = 0.2;
/** From a page to the controller that reads it. */
const SCRAPE_MS = 50;
const PUSH_MS = 100;
const MOST_REQUESTS = 5_000_000;
const SAMPLE = 2000;
const SAMPLE_SEED = 4711;

export type RehearsalInput = RehearsalSpec & {
  readonly policy: Policy;
  readonly trace?: { readonly file: string; readonly rows: readonly TraceRow[] };
  readonly profiles?: readonly ServerProfile[];
};

/** What will be run, and what it is. */
export type Rehearsal = {
  readonly scenario: Scenario;
  readonly service: ModelService;
  readonly placed: Placed;
  readonly faults: readonly string[];
  readonly traffic: {
    readonly kind: 'Trace' | 'Poisson';
    readonly file?: string;
    readonly ratePerSec: number;
    /** Of what the whole fleet can do, 0..1 and more. */
    readonly load: number;
  };
  /** Of each server, in requests of this traffic per second. */
  readonly fullRates: readonly number[];
  readonly notes: readonly string[];
};

/** Throws LOADLINE_LAB when parts of the input do not go together. */
export function planRehearsal(input: RehearsalInput): Rehearsal {
  const { trace, sidecars = DEFAULT_SIDECARS, faults = [], autoscaler } = input;
  const given = [input.speed, input.ratePerSec, input.load].filter((one) => one !== undefined);
  if (given.length > 1) throw refused('expected at most one of --speed, --rate and --load');
  if (input.speed !== undefined && trace === undefined) throw refused('--speed is about a trace: expected --trace');
  if (input.burst !== undefined && trace !== undefined)
    throw refused('--burst is about drawn requests: a trace has its own');
  const governance = govern(input);
  const service = governance.service;
  const placed = placeServers(service, input.endpoints ?? {}, input.profiles);
  const lengths = trace === undefined ? drawLengths(SAMPLE, seededRandom(SAMPLE_SEED)) : sampled(trace.rows);
  const rateOf = ratesByProfile(lengths);
  const fullRates = placed.profiles.map(rateOf);
  const capacity = fullRates.reduce((sum, one) => sum + one, 0);
  if (capacity === 0) throw refused('no server can take any of the requests: they are longer than its KV cache');
  const ratePerSec = rateFrom(input, capacity);
  const rows = trace === undefined ? undefined : stretched(trace.rows, meanRatePerSec(trace.rows) / ratePerSec);
  const lapMs = rows === undefined ? undefined : Math.floor((rows.length / ratePerSec) * 1000);
  const durationMs = input.durationMs ?? lapMs ?? DEFAULT_DURATION_MS;
  const warmUpMs = input.warmUpMs ?? Math.min(DEFAULT_WARM_UP_MS, Math.floor(WARM_UP_PART * durationMs));
  if (warmUpMs >= durationMs)
    throw refused(
      `the warm-up (${formatDuration(warmUpMs)}) leaves nothing of the run (${formatDuration(durationMs)})`,
    );
  const count = (ratePerSec * durationMs) / 1000;
  if (count > MOST_REQUESTS)
    throw refused(`this would be ${Math.round(count)} requests; expected at most ${MOST_REQUESTS}`);
  const { burst } = input;
  const base = burst === undefined ? 1 : 1 / (1 + ((burst.factor - 1) * burst.forMs) / burst.everyMs);
  const scenario: Scenario = {
    name: service.name,
    servers: placed.servers.map((server, at) => ({ ...server, capacity: fullRates[at] as number })),
    sidecars,
    workers: input.workers ?? 1,
    ...(input.crossZoneMs === undefined ? {} : { zones: zonesOf(placed, service, sidecars, input.crossZoneMs) }),
    ratePerSec: (atMs) =>
      ratePerSec * base * (burst !== undefined && atMs % burst.everyMs < burst.forMs ? burst.factor : 1),
    maxRatePerSec: ratePerSec * base * Math.max(1, burst?.factor ?? 1),
    lengths: { kind: 'Suite', outputFactor: 1 },
    ...(rows === undefined ? {} : { replay: { rows, fromAnywhere: durationMs < (lapMs ?? 0) } }),
    governance: { ...governance, service: service.name, endpoints: placed.endpoints },
    events: faultEvents(faults, placed.endpoints, sidecars),
    ...(autoscaler === undefined
      ? {}
      : {
          autoscaler: {
            least: autoscaler.least,
            periodMs: autoscaler.everyMs,
            targetRatio: autoscaler.target,
            coldMs: autoscaler.coldMs,
          },
        }),
    durationMs,
    warmUpMs,
    slo: { ttftMs: input.ttftMs ?? DEFAULT_TTFT_MS, tpotMs: input.tpotMs ?? DEFAULT_TPOT_MS },
    signals: {
      engine: true,
      engineDelayMs: SCRAPE_MS,
      gpu: 'Honest',
      gpuDevice: 'Whole',
      clock: true,
      headers: 'Immediate',
      loadReports: true,
      reportDelayMs: 0,
      reportJitterMs: 0,
      reportsOmitBusy: false,
      pushMs: PUSH_MS,
    },
  };
  return {
    scenario,
    service,
    placed,
    faults: faults.map(({ text }) => text),
    traffic: {
      kind: trace === undefined ? 'Poisson' : 'Trace',
      ...(trace === undefined ? {} : { file: trace.file }),
      ratePerSec,
      load: ratePerSec / capacity,
    },
    fullRates,
    notes: [
      ...placed.notes,
      ...tierNotes(input.policy, service),
      ...notesOf(service, lengths, placed),
      ...failures(faults),
      ...late(faults, durationMs),
    ],
  };
}

/** The one service of the policy that is rehearsed, with what the user wants otherwise. */
function govern(input: RehearsalInput): Omit<Governance, 'service' | 'endpoints'> & { readonly service: ModelService } {
  const { policy, weights } = input;
  const names = policy.services.map(({ name }) => name);
  const [only] = policy.services;
  if (only === undefined) throw refused('the policy has no ModelService');
  if (input.service === undefined && names.length > 1)
    throw refused(`the policy has several services: choose one with --service (${names.join(', ')})`);
  const found = input.service === undefined ? only : policy.services.find(({ name }) => name === input.service);
  if (found === undefined)
    throw refused(`the policy has no service ${input.service}; its services are ${names.join(', ')}`);
  const group = policy.groups.find(({ modelServices }) => modelServices.includes(found.name));
  if (group === undefined) throw refused(`no SidecarGroup of the policy uses service ${found.name}`);
  const simulated = asSimulated(found);
  const service =
    weights === undefined
      ? simulated
      : { ...simulated, loadBalancer: { ...simulated.loadBalancer, weights, blendRatio: 1 } };
  return {
    policy: { ...policy, services: [service], groups: [{ ...group, modelServices: [service.name] }] },
    service,
    group: group.name,
  };
}

/** The simulator balances one set of servers: of tiers the first, which has all requests while it is well. */
function asSimulated(service: ModelService): ModelService {
  const { name, loadBalancer, split, pools } = service;
  if (loadBalancer.hash !== undefined)
    throw refused(
      `service ${name} picks servers by a hash (${loadBalancer.type}): the requests of a rehearsal have no sessions`,
    );
  if (split === undefined) return service;
  if (split.kind === 'Fixed')
    throw refused(
      `service ${name} gives its pools fixed shares: rehearse a policy with one of the pools, and its part of the load`,
    );
  const { split: _, ...rest } = service;
  return { ...rest, pools: pools.filter((pool) => split.tiers[0]?.includes(pool.name)) };
}

/** Endpoints are where the policy has them, and sidecars spread evenly over the same zones. */
function zonesOf({ endpoints }: Placed, service: ModelService, sidecars: number, crossMs: number): Zones {
  const names = [...new Set(endpoints.map(({ zone }) => zone ?? ''))];
  if (names.length < 2)
    throw refused('--cross-zone is about several zones, and the endpoints of the policy are all in one');
  return {
    ofServers: endpoints.map(({ zone }) => names.indexOf(zone ?? '')),
    ofSidecars: Array.from({ length: sidecars }, (_, sidecar) => sidecar % names.length),
    crossMs,
    ...(service.loadBalancer.trafficDistribution === undefined ? {} : { preferred: names }),
  };
}

function rateFrom({ trace, speed = 1, ratePerSec, load }: RehearsalInput, capacity: number): number {
  if (ratePerSec !== undefined) return ratePerSec;
  if (load !== undefined) return load * capacity;
  return trace === undefined ? DEFAULT_LOAD * capacity : speed * meanRatePerSec(trace.rows);
}

/** Rows from all over the trace. */
function sampled(rows: readonly TraceRow[]): readonly RequestLengths[] {
  const stride = Math.max(1, Math.floor(rows.length / SAMPLE));
  return rows.filter((_, at) => at % stride === 0);
}

/** Measured once for each profile: large fleets have few. */
function ratesByProfile(lengths: readonly RequestLengths[]): (profile: ServerProfile) => number {
  const known = new Map<string, number>();
  return (profile) => {
    const key = JSON.stringify(profile);
    const rate = known.get(key) ?? fullRatePerSec(profile, lengths);
    known.set(key, rate);
    return rate;
  };
}

function notesOf(
  { loadBalancer, pools }: ModelService,
  lengths: readonly RequestLengths[],
  { profiles }: Placed,
): string[] {
  const notes: string[] = [];
  const { weights, blendRatio } = loadBalancer;
  if (weights !== 'Active')
    notes.push(`weights: ${weights} sends equal weights; --weights Active shows what the computed ones would do`);
  else if (blendRatio < 1) notes.push(`only a part of the computed weights is sent (blendRatio ${blendRatio})`);
  const least = Math.min(...profiles.map(({ kvTokens }) => kvTokens));
  const long = lengths.filter(({ promptTokens, outputTokens }) => promptTokens + outputTokens + 1 > least).length;
  if (long > 0)
    notes.push(
      `${((100 * long) / lengths.length).toFixed(1)} % of the requests are longer than the smallest KV cache (${least} tokens): a server refuses what does not fit`,
    );
  for (const { name, signals } of pools)
    if (signals.engine === undefined)
      notes.push(
        `pool ${name} has no engine metrics: its weights follow load reports${signals.gpu ? ' and its GPUs' : ''}`,
      );
  return notes;
}

/** What a reader of the result must know about failures. */
function failures(faults: RehearsalInput['faults'] = []): string[] {
  const fail = faults.some(({ what }) => what.kind === 'Servers' && ['crash', 'failRatio'].includes(what.effect.kind));
  return fail
    ? [
        "Envoy's retries and outlier ejection are not simulated: requests fail, and attract others, that they would save",
      ]
    : [];
}

function late(faults: RehearsalInput['faults'] = [], durationMs: number): string[] {
  return faults
    .filter(({ atMs }) => atMs >= durationMs)
    .map(({ text }) => `${text}: comes after the run (${formatDuration(durationMs)})`);
}

function tierNotes({ services }: Policy, { name }: ModelService): readonly string[] {
  const split = services.find((one) => one.name === name)?.split;
  return split?.kind === 'Tiers' ? [`only the first tier is rehearsed (${split.tiers[0]?.join(', ')})`] : [];
}

function refused(message: string): LoadlineError {
  return new LoadlineError('LOADLINE_LAB', message);
}
