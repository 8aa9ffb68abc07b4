import { LoadlineError } from '../../base/errors.ts';
import { type ControlState, INITIAL_STATE, tick } from '../../core/control/index.ts';
import { formatIssue, loadPolicy } from '../../core/policy/index.ts';
import type { Endpoint, EndpointSet, LoadReport, NodePresence, Sample } from '../../core/topology/index.ts';
import { capacityOf, flowFrom, type ZoneBalance } from '../../core/zones/index.ts';
import { staticEndpointSets } from '../../edge/discovery/index.ts';
import type { Governance, Scenario } from './scenario.ts';
import type { Host } from './sidecar/sidecar.ts';

const GROUP = 'lab';
const SERVICE = 'chat';

/** What sidecars are given. */
export type Division = {
  /** Of all servers, in their order; 0 for those that are not there. */
  readonly weights: readonly number[];
  /** Where requests are kept in their zone: for the sidecars of each, the weight of each, by their numbers. */
  readonly zones?: readonly (readonly number[])[];
};

/** A zone that is to have nothing keeps so much of everything (docs/design/zones.md). */
const LEAST_PART = 1e-4;

/** Of the sidecars. */
export function groupOf({ governance }: Scenario): string {
  return governance?.group ?? GROUP;
}

/** Of the cluster that their load reports name. */
export function serviceOf({ governance }: Scenario): string {
  return governance?.service ?? SERVICE;
}

/** The product's own `core/control` over a fleet that is not there: what a tick decides, without anything in between. */
export class Controller {
  readonly #governance: Governance;
  readonly #watchful: boolean;
  readonly #zones: readonly string[] | undefined;
  readonly #herdsAtMs: number[] = [];
  #state: ControlState = INITIAL_STATE;

  constructor(scenario: Scenario, hosts: readonly Host[], watchful = true) {
    this.#governance = scenario.governance ?? ofItsOwn(hosts, scenario);
    this.#zones = scenario.zones?.preferred;
    this.#watchful = watchful;
  }

  /** When weights and in-flight were seen to chase each other. */
  get herdsAtMs(): readonly number[] {
    return this.#herdsAtMs;
  }

  tick(
    nowMs: number,
    isThere: (server: number) => boolean,
    input: {
      readonly samples: readonly Sample[];
      readonly reports: readonly LoadReport[];
      readonly presence: readonly NodePresence[];
    },
  ): Division {
    const { policy, service, endpoints } = this.#governance;
    const there = endpoints.filter((_, server) => isThere(server));
    const output = tick(this.#state, { nowMs, policy, endpointSets: setsOf(this.#governance, there), ...input });
    this.#state = this.#watchful ? output.state : unaware(output.state);
    if (output.plan.decisions[service]?.loop?.herdAtMs === nowMs) this.#herdsAtMs.push(nowMs);
    const decided = new Map(
      (output.plan.decisions[service]?.endpoints ?? []).map(({ id, weight }) => [id, weight] as const),
    );
    const weights = endpoints.map(({ id }) => decided.get(id) ?? 0);
    const balance = output.plan.zones?.[service];
    return this.#zones === undefined || balance === undefined
      ? { weights }
      : { weights, zones: this.#zones.map((zone) => partsFor(zone, this.#zones ?? [], balance)) };
  }
}

function partsFor(from: string, zones: readonly string[], balance: ZoneBalance): readonly number[] {
  const flow = flowFrom(from, balance.demand, capacityOf(balance, Object.keys(balance.capacity)));
  return zones.map((zone) => Math.max(LEAST_PART, flow.get(zone) ?? 0));
}

/** A state that remembers nothing of the swings of its own weights. */
function unaware(state: ControlState): ControlState {
  const weights = Object.entries(state.weights).map(([name, { herd: _, ...rest }]) => [name, rest]);
  return { ...state, weights: Object.fromEntries(weights) as ControlState['weights'] };
}

function setsOf({ policy, service }: Governance, there: readonly Endpoint[]): readonly EndpointSet[] {
  const pools = policy.services.find(({ name }) => name === service)?.pools ?? [];
  return pools.map(({ name: pool }) => ({
    service,
    pool,
    complete: true,
    endpoints: there.filter((endpoint) => endpoint.pool === pool),
  }));
}

/** Defaults throughout, batch limits where the scenario has them known, and zones where they are preferred. */
function ofItsOwn(hosts: readonly Host[], { servers, zones }: Pick<Scenario, 'servers' | 'zones'>): Governance {
  const listed = hosts.map(({ address, port }, index) => {
    const server = servers[index];
    const width = server?.slotsKnown === true ? `, maxRunningRequests: ${server.profile.slots}` : '';
    const zone = zones?.preferred?.[zones.ofServers[index] ?? 0];
    const place = zone === undefined ? '' : `, zone: ${zone}`;
    return `          - { address: ${address}, port: ${port}${width}${place} }`;
  });
  const text = `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: ${GROUP} }
spec:
  listeners:
    - { name: models, address: 127.0.0.1, port: 15001 }
  modelServices: [${SERVICE}]
---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: ${SERVICE} }
spec:
  hostnames: ["*"]
${zones?.preferred === undefined ? '' : '  loadBalancer: { trafficDistribution: PreferSameZone }\n'}  pools:
    - name: gpu
      endpoints:
        static:
${listed.join('\n')}
`;
  const read = loadPolicy([{ name: 'simulate.yaml', text }]);
  if (!read.ok) {
    const issues = read.issues.map(formatIssue).join('\n');
    throw new LoadlineError('LOADLINE_LAB', `the simulation's own policy is refused:\n${issues}`);
  }
  const endpoints = staticEndpointSets(read.value).flatMap((set) => set.endpoints);
  return { policy: read.value, service: SERVICE, group: GROUP, endpoints };
}
