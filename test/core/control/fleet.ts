import {
  type ControlState,
  INITIAL_STATE,
  type Perturbation,
  type Plan,
  type TickInput,
  type TickOutput,
  tick,
} from '../../../src/core/control/index.ts';
import type { Operation } from '../../../src/core/operations/index.ts';
import type { Policy } from '../../../src/core/policy/index.ts';
import type { EndpointSet, LoadReport, NodePresence } from '../../../src/core/topology/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { group, loaded } from '../policy/load.ts';

export const NODES = ['a', 'b'] as const;
/** Requests per second over all sidecars, and the seconds that one takes on a server that is not full. */
const RATE = 24;
const REQUEST_SEC = 2;
const START_MS = 1_800_000_000_000;

/** A policy with one service of so many servers; `capacity` seeds the first of them lower. */
export function fleetPolicy(options: FleetOptions = {}): Policy {
  return loaded(fleetText(options));
}

export type FleetOptions = { servers?: number; capacity?: number; name?: string; lines?: string };

export function fleetText(options: FleetOptions = {}): string {
  const { servers = 3, capacity = 1, name = 'chat', lines = '' } = options;
  const endpoints = Array.from(
    { length: servers },
    (_, i) => `        - { address: 10.0.0.${i + 1}, port: 8000${i === 0 ? `, capacity: ${capacity}` : ''} }`,
  );
  return `${group(`[${name}]`)}---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: ${name} }
spec:
  hostnames: ["*"]
${lines}  pools:
    - name: gpu
      endpoints:
        static:
${endpoints.map((line) => `  ${line}`).join('\n')}
`;
}

/**
 * A fleet without sockets: sidecars split a steady stream of requests as `least_request` would with the weights of the last
 * Plan, servers complete what their speed allows, and the sidecars' load reports are the input of the next tick. Whole
 * numbers and no chance, so that two runs are equal.
 */
export class Fleet {
  readonly policy: Policy;
  nowMs: number = START_MS;
  state: ControlState = INITIAL_STATE;
  /** By server: requests in flight, and the most that it completes in a second (even numbers: there are two sidecars). */
  readonly inFlight: number[];
  readonly speeds: number[];
  /** What the last tick believed. */
  loads: TickOutput['loads'] = {};
  /** What the last tick of `run` was given. */
  lastReports: readonly LoadReport[] = [];
  /** Of every tick from now on. */
  perturbations: readonly Perturbation[] = [];
  operations: readonly Operation[] = [];
  readonly #carry: number[];

  constructor(policy: Policy, speeds: readonly number[]) {
    this.policy = policy;
    this.speeds = [...speeds];
    this.inFlight = speeds.map(() => 0);
    this.#carry = speeds.map(() => 0);
  }

  /** What the next tick would be given, with load reports of the second that has passed. */
  input(over: Partial<TickInput> = {}): TickInput {
    return {
      nowMs: this.nowMs,
      policy: this.policy,
      endpointSets: staticEndpointSets(this.policy),
      samples: [],
      reports: [],
      presence: [],
      perturbations: this.perturbations,
      operations: this.operations,
      ...over,
    };
  }

  tick(over: Partial<TickInput> = {}): Plan {
    const out = tick(this.state, this.input(over));
    this.state = out.state;
    this.loads = out.loads;
    return out.plan;
  }

  /** So many seconds of traffic, a tick after each. */
  run(seconds: number): Plan {
    let plan = this.state.plan ?? this.tick({ presence: this.connected() });
    for (let i = 0; i < seconds; i++) {
      this.nowMs += 1000;
      this.lastReports = this.#second(plan);
      plan = this.tick({ reports: this.lastReports });
    }
    return plan;
  }

  connected(): readonly NodePresence[] {
    return NODES.map((nodeId) => ({
      nodeId,
      group: 'lab',
      kind: 'Connected',
      atMs: this.nowMs,
      envoyVersion: '1.40.0',
    }));
  }

  #second(plan: Plan): readonly LoadReport[] {
    const service = this.policy.services[0]?.name as string;
    const members = plan.endpoints[service] ?? [];
    const weights = (plan.decisions[service]?.endpoints ?? []).map(({ weight, health }, i) =>
      health === 'Draining' ? 0 : weight / ((this.inFlight[i] ?? 0) / NODES.length + 1),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const servers = members.map(({ address, port }, i) => {
      const due = (this.#carry[i] ?? 0) + (RATE * (weights[i] ?? 0)) / total;
      const issued = Math.floor(due / NODES.length) * NODES.length;
      this.#carry[i] = due - issued;
      const finished = Math.ceil((this.inFlight[i] ?? 0) / REQUEST_SEC / NODES.length) * NODES.length;
      const done = Math.min(finished, this.speeds[i] ?? 0);
      this.inFlight[i] = (this.inFlight[i] ?? 0) + issued - done;
      return { address, port, issued, done, inFlight: this.inFlight[i] as number };
    });
    return NODES.map((nodeId) => ({
      nodeId,
      receivedAtMs: this.nowMs - 10,
      intervalMs: 1000,
      absentMeansIdle: true,
      clusters: [
        {
          cluster: service,
          endpoints: servers.map(({ address, port, issued, done, inFlight }) => ({
            address,
            port,
            inProgress: inFlight / NODES.length,
            issued: issued / NODES.length,
            succeeded: done / NODES.length,
            errors: 0,
          })),
        },
      ],
    }));
  }
}

export function weightsOf(plan: Plan, service = 'chat'): readonly number[] {
  return (plan.decisions[service]?.endpoints ?? []).map(({ weight }) => weight);
}

/** The same sets with one pool silent. */
export function silent(sets: readonly EndpointSet[]): readonly EndpointSet[] {
  return sets.map((set) => ({ ...set, complete: false, endpoints: [] }));
}
