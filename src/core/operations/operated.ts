import { own } from '../../base/units/index.ts';
import type { Plan } from '../control/index.ts';
import type { Endpoint } from '../topology/index.ts';
import type { EndpointDecision, ServiceDecision } from '../weights/index.ts';
import { frozen } from './frozen.ts';
import type { Freeze, Operation, Shed } from './operation.ts';
import { type Carried, type TakenOut, takenOut } from './taken-out.ts';
import { standingWords } from './words.ts';

type Planned = Omit<Plan, 'sequence'>;

/**
 * A plan with what operators do by hand on top. A function of these two alone, so that some sidecars can be given the plan
 * with an operation and others the plan without.
 */
export function operated<P extends Planned>(plan: P, operations: readonly Operation[]): P {
  if (operations.length === 0) return plan;
  const decisions = Object.fromEntries(
    Object.entries(plan.decisions).map(([service, decision]) => {
      const ours = operations.filter((one) => one.service === service);
      const policy = plan.policy.services.find(({ name }) => name === service);
      if (ours.length === 0 || policy === undefined) return [service, decision];
      return [service, operatedOn(decision, ours, policy, own(plan.endpoints, service) ?? [])];
    }),
  );
  const sheds = shedsOf(operations, new Set(plan.policy.services.map(({ name }) => name)));
  return { ...plan, decisions, ...(sheds === undefined ? {} : { sheds: larger(plan.sheds, sheds) }) };
}

function operatedOn(
  decision: ServiceDecision,
  operations: readonly Operation[],
  service: Carried,
  endpoints: readonly Endpoint[],
): ServiceDecision {
  const freeze = freezeOf(operations, decision.service);
  const held = freeze === undefined ? decision : frozen(decision, freeze);
  return drained(held, takenOut(operations, service, endpoints));
}

/** The one in force; there is at most one of a service. */
export function freezeOf(operations: readonly Operation[], service: string): Freeze | undefined {
  return operations.find((one): one is Freeze => one.kind === 'Freeze' && one.service === service);
}

/** Who is taken out has no share: the others have it in proportion to their weights. */
function drained(decision: ServiceDecision, { by }: TakenOut): ServiceDecision {
  if (by.size === 0) return decision;
  const rest = decision.endpoints.reduce((sum, { id, share }) => sum + (by.has(id) ? 0 : share), 0);
  const endpoints = decision.endpoints.map((one): EndpointDecision => {
    const operation = by.get(one.id);
    if (operation === undefined) return rest > 0 ? { ...one, share: one.share / rest } : one;
    return { ...one, share: 0, health: 'Draining', operation: standingWords(operation) };
  });
  const first = endpoints.find(({ health }) => health === 'Healthy')?.weight;
  const equal = endpoints.every(({ weight, health }) => health === 'Draining' || weight === first);
  return { ...decision, endpoints, equal };
}

/** Of what a ladder sheds and what somebody asks for, the larger. */
function larger(
  law: Readonly<Record<string, number>> = {},
  asked: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const names = [...new Set([...Object.keys(law), ...Object.keys(asked)])].sort();
  return Object.fromEntries(names.map((name) => [name, Math.max(own(law, name) ?? 0, own(asked, name) ?? 0)]));
}

/** By service, and by service and class (`chat/P2`). Of two sheds of the same the larger counts: who asks for more gets more, and what is asked for twice is not added up. */
export function shedsOf(
  operations: readonly Operation[],
  services: ReadonlySet<string>,
): Readonly<Record<string, number>> | undefined {
  const sheds = operations.filter((one): one is Shed => one.kind === 'Shed' && services.has(one.service));
  if (sheds.length === 0) return undefined;
  const most = new Map<string, number>();
  for (const { service, percent, class: one } of sheds) {
    const name = one === undefined ? service : `${service}/${one}`;
    most.set(name, Math.max(percent, most.get(name) ?? 0));
  }
  return Object.fromEntries([...most].sort(([a], [b]) => (a < b ? -1 : 1)));
}
