import { type OperationFacts, type OperationRequest, planOperation } from '../../../src/core/operations/index.ts';
import type { Policy } from '../../../src/core/policy/index.ts';
import { Fleet } from '../control/fleet.ts';
import { group, loaded } from '../policy/load.ts';

export const AUTHOR = 'spiffe://lab/ada';

/** One service with a pool of `gpu` servers and one of `cpu` ones, each with a batch limit of 16. */
export function twoPools(gpu = 3, cpu = 1): Policy {
  const pool = (name: string, net: number, count: number): string => `    - name: ${name}
      maxRunningRequests: 16
      endpoints:
        static:
${Array.from({ length: count }, (_, i) => `          - { address: 10.0.${net}.${i + 1}, port: 8000 }`).join('\n')}
`;
  return loaded(`${group('[chat]')}---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
  pools:
${pool('gpu', 0, gpu)}${pool('cpu', 1, cpu)}`);
}

/** A fleet of these pools that has served for a while. */
export function aFleet(gpu = 3, cpu = 1, speed = 30): Fleet {
  const fleet = new Fleet(
    twoPools(gpu, cpu),
    Array.from({ length: gpu + cpu }, () => speed),
  );
  fleet.run(30);
  return fleet;
}

export function factsOf(fleet: Fleet): OperationFacts {
  const { nowMs, state, loads, operations, perturbations } = fleet;
  return { nowMs, plan: state.plan, loads, running: operations, perturbations };
}

type Loose<T> = T extends unknown ? Omit<T, 'service' | 'reason' | 'endsAtMs' | 'force'> & Partial<T> : never;

export function asked(fleet: Pick<Fleet, 'nowMs'>, what: Loose<OperationRequest>): OperationRequest {
  const defaults = { service: 'chat', reason: 'a test', endsAtMs: fleet.nowMs + 60_000, force: false };
  return { ...defaults, ...what } as OperationRequest;
}

let count = 0;

export function ask(fleet: Fleet, what: Loose<OperationRequest>): ReturnType<typeof planOperation> {
  count += 1;
  return planOperation(factsOf(fleet), asked(fleet, what), { id: `op-${count}`, author: AUTHOR });
}

/** Begins it, and runs a second. */
export function begin(fleet: Fleet, what: Loose<OperationRequest>): void {
  const planned = ask(fleet, what);
  if (!planned.ok) throw new Error(planned.issues.map(({ message }) => message).join('; '));
  fleet.operations = [...fleet.operations, planned.value];
  fleet.run(1);
}
