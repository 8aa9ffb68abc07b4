import { LoadlineError } from '../../base/errors.ts';
import { type ControlState, INITIAL_STATE, tick } from '../../core/control/index.ts';
import { formatIssue, loadPolicy, type Policy } from '../../core/policy/index.ts';
import type { EndpointSet, LoadReport, NodePresence, Sample } from '../../core/topology/index.ts';
import { staticEndpointSets } from '../../edge/discovery/index.ts';
import type { Server } from './scenario.ts';
import type { Host } from './sidecar/sidecar.ts';

export const GROUP = 'lab';
export const SERVICE = 'chat';

/** The product's own `core/control` over a fleet that is not there: what a tick decides, without anything in between. */
export class Controller {
  readonly #policy: Policy;
  readonly #endpointSets: readonly EndpointSet[];
  readonly #hosts: readonly Host[];
  #state: ControlState = INITIAL_STATE;

  constructor(hosts: readonly Host[], servers: readonly Server[]) {
    this.#hosts = hosts;
    this.#policy = policyOf(hosts, servers);
    this.#endpointSets = staticEndpointSets(this.#policy);
  }

  /** The weights of all hosts, in their order; 0 for those that are not there. */
  tick(
    nowMs: number,
    isThere: (host: number) => boolean,
    input: {
      readonly samples: readonly Sample[];
      readonly reports: readonly LoadReport[];
      readonly presence: readonly NodePresence[];
    },
  ): readonly number[] {
    const there = new Set(this.#hosts.filter((_, host) => isThere(host)).map(keyOf));
    const endpointSets = this.#endpointSets.map((set) => ({
      ...set,
      endpoints: set.endpoints.filter((endpoint) => there.has(keyOf(endpoint))),
    }));
    const output = tick(this.#state, { nowMs, policy: this.#policy, endpointSets, ...input });
    this.#state = output.state;
    const decided = new Map(
      (output.plan.decisions[SERVICE]?.endpoints ?? []).map(({ id, weight }) => [
        id.slice(id.lastIndexOf('/') + 1),
        weight,
      ]),
    );
    return this.#hosts.map((host) => decided.get(keyOf(host)) ?? 0);
  }
}

function keyOf({ address, port }: Host): string {
  return `${address}:${port}`;
}

function policyOf(hosts: readonly Host[], servers: readonly Server[]): Policy {
  const endpoints = hosts.map(({ address, port }, index) => {
    const server = servers[index];
    const width = server?.slotsKnown === true ? `, maxRunningRequests: ${server.profile.slots}` : '';
    return `          - { address: ${address}, port: ${port}${width} }`;
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
  pools:
    - name: gpu
      endpoints:
        static:
${endpoints.join('\n')}
`;
  const read = loadPolicy([{ name: 'simulate.yaml', text }]);
  if (read.ok) return read.value;
  throw new LoadlineError(
    'LOADLINE_LAB',
    `the simulation's own policy is refused:\n${read.issues.map(formatIssue).join('\n')}`,
  );
}
