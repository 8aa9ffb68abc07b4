import { LoadlineError } from '../../base/errors.ts';
import type { ModelService, Pool } from '../../core/policy/index.ts';
import { type Endpoint, endpointId } from '../../core/topology/index.ts';
import { staticEndpointSets } from '../../edge/discovery/index.ts';
import { type ServerProfile, STANDARD_PROFILE } from '../modelserver/index.ts';
import type { Server } from '../simulate/index.ts';
import { nameOf } from './fault-events.ts';

const KV_TOKENS_PER_SLOT = STANDARD_PROFILE.kvTokens / STANDARD_PROFILE.slots;
const MOST_ENDPOINTS = 10_000;

export type Placed = {
  readonly endpoints: readonly Endpoint[];
  readonly servers: readonly Server[];
  readonly profiles: readonly ServerProfile[];
  readonly notes: readonly string[];
};

/** The endpoints of a service in the order of its policy, and the server that stands behind each. */
export function placeServers(
  service: ModelService,
  counts: Readonly<Record<string, number>>,
  given: readonly ServerProfile[] | undefined,
): Placed {
  const unknown = Object.keys(counts).find((name) => !service.pools.some((pool) => pool.name === name));
  if (unknown !== undefined) {
    const names = service.pools.map(({ name }) => name).join(', ');
    throw refused(`service ${service.name} has no pool ${unknown}; its pools are ${names}`);
  }
  const pools = service.pools.map((pool, index) => ({ pool, endpoints: endpointsOf(service, pool, index, counts) }));
  const endpoints = pools.flatMap((one) => one.endpoints);
  if (endpoints.length === 0) throw refused(`service ${service.name} has no endpoints`);
  if (given !== undefined && given.length > endpoints.length)
    throw refused(
      `there are ${given.length} profiles for the ${endpoints.length} endpoints of service ${service.name}; expected one for each, or fewer: they are then used again from the first`,
    );
  const profiles = endpoints.map((endpoint, at) => given?.[at % given.length] ?? asThePolicySays(endpoint, endpoints));
  const servers = pools
    .flatMap(({ pool, endpoints: own }) => own.map(() => pool))
    .map((pool, at) => serverOf(profiles[at] as ServerProfile, pool));
  return { endpoints, servers, profiles, notes: notesOf(endpoints, profiles, given) };
}

function endpointsOf(
  service: ModelService,
  pool: Pool,
  index: number,
  counts: Readonly<Record<string, number>>,
): readonly Endpoint[] {
  const count = counts[pool.name];
  if (pool.endpoints.kind === 'Static') {
    if (count !== undefined) throw refused(`pool ${pool.name} lists its endpoints: they cannot be counted otherwise`);
    const alone = { revision: '', groups: [], trafficClasses: [], services: [{ ...service, pools: [pool] }] };
    return staticEndpointSets(alone).flatMap((set) => set.endpoints);
  }
  if (count === undefined) {
    const from = pool.endpoints.kind === 'Dns' ? 'DNS' : 'Kubernetes';
    throw refused(`pool ${pool.name} gets its endpoints from ${from}: say how many with --endpoints ${pool.name}=4`);
  }
  if (count > MOST_ENDPOINTS) throw refused(`pool ${pool.name}: expected at most ${MOST_ENDPOINTS} endpoints`);
  const { port } = pool.endpoints;
  return Array.from({ length: count }, (_, at) => {
    const address = `10.${200 + index}.${at >> 8}.${at & 255}`;
    return {
      id: endpointId(service.name, pool.name, address, port),
      service: service.name,
      pool: pool.name,
      address,
      port,
      incarnation: 'simulated',
      capacity: 1,
      lifecycle: 'Active',
      ...(pool.maxRunningRequests === undefined ? {} : { maxRunningRequests: pool.maxRunningRequests }),
    };
  });
}

/** Where nobody told how servers behave, what the policy believes of them is true: the batch limit and the capacity prior. */
function asThePolicySays({ capacity, maxRunningRequests }: Endpoint, all: readonly Endpoint[]): ServerProfile {
  const widthOf = (width: number | undefined): number => width ?? STANDARD_PROFILE.slots;
  const slots = widthOf(maxRunningRequests);
  const widest = Math.max(...all.map((one) => widthOf(one.maxRunningRequests)));
  const speed = (capacity * widest) / slots;
  return { ...STANDARD_PROFILE, name: 'as the policy says', slots, speed, kvTokens: slots * KV_TOKENS_PER_SLOT };
}

function serverOf(profile: ServerProfile, { signals }: Pool): Server {
  const { engine, gpu } = signals;
  return {
    profile,
    slotsKnown: false,
    sensing: {
      enginePeriodMs: engine?.intervalMs,
      gpuPeriodMs: gpu?.intervalMs,
      gpu: profile.gpuMode,
      gpuCollectMs: profile.gpuPeriodMs,
      headers: profile.headers,
    },
  };
}

function notesOf(
  endpoints: readonly Endpoint[],
  profiles: readonly ServerProfile[],
  given: readonly ServerProfile[] | undefined,
): readonly string[] {
  if (given === undefined)
    return [
      'no --profile: servers are as the policy says (maxRunningRequests, capacity), and otherwise like the profile standard',
    ];
  const wrong = endpoints.filter(
    ({ maxRunningRequests }, at) => maxRunningRequests !== undefined && maxRunningRequests !== profiles[at]?.slots,
  );
  const [first] = wrong;
  if (first === undefined) return [];
  const slots = profiles[endpoints.indexOf(first)]?.slots;
  return [
    `the policy gives ${nameOf(first)} maxRunningRequests ${first.maxRunningRequests}, and its profile has ${slots} slots` +
      (wrong.length === 1 ? '' : ` (so for ${wrong.length} endpoints)`),
  ];
}

function refused(message: string): LoadlineError {
  return new LoadlineError('LOADLINE_LAB', message);
}
