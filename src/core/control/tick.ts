import { own } from '../../base/units/index.ts';
import { type FailoverState, stepFailover } from '../failover/index.ts';
import { type LoadState, openRequests, type ServiceLoad } from '../load/index.ts';
import { freezeOf, inForce, type Operation, operated, takenOut, withTakenOut } from '../operations/index.ts';
import { ladderOf, type OverloadState, relievedBy, stepOverload } from '../overload/index.ts';
import type { Policy } from '../policy/index.ts';
import type { Delivery, EndpointSet, LoadReport, NodePresence, PromptAnswer, Sample } from '../topology/index.ts';
import { coldOnes, type Prompt, stepWarmth, type WarmthState } from '../warmth/index.ts';
import type { ServiceDecision, WeightsState } from '../weights/index.ts';
import { stepZones, type ZoneState } from '../zones/index.ts';
import { balancesOf, carrying, divided } from './balancing.ts';
import { byService } from './by-service.ts';
import { type IssuedRates, stepIssued } from './issued-share.ts';
import type { LoopDelay } from './loop-delay.ts';
import { membersOf } from './members.ts';
import { type Perturbation, perturbed } from './perturbation.ts';
import type { Plan, TierFailover } from './plan.ts';
import { retryCuts } from './retry-cuts.ts';
import { samePlan } from './same-plan.ts';
import { membersByGroup, type Sidecars, sendersTo, stepSidecars } from './sidecars.ts';
import { stepService } from './step-service.ts';

/** Everything that a tick remembers. Plain data: it is checkpointed as JSON. */
export type ControlState = {
  readonly tick: number;
  readonly atMs: number;
  readonly load: Readonly<Record<string, LoadState>>;
  /** By balance: a service without a split has one, of its own name. */
  readonly weights: Readonly<Record<string, WeightsState>>;
  readonly issued: Readonly<Record<string, IssuedRates>>;
  /** Absent in states of before it was measured. */
  readonly delays?: Readonly<Record<string, LoopDelay>>;
  /** By service. Absent in states of before there was a ladder. */
  readonly overload?: Readonly<Record<string, OverloadState>>;
  /** By service with tiers. Absent in states of before Loadline failed over by itself. */
  readonly failover?: Readonly<Record<string, FailoverState>>;
  /** By service with pools that are kept warm. Absent in states of before there were any. */
  readonly warmth?: Readonly<Record<string, WarmthState>>;
  /** By service that keeps requests in their zone. Absent in states of before there was such a thing. */
  readonly zones?: Readonly<Record<string, ZoneState>>;
  readonly sidecars: Sidecars;
  readonly plan: Plan | undefined;
};

/** The inbox and the samples since the last tick, and the policy in force. */
export type TickInput = {
  readonly nowMs: number;
  readonly policy: Policy;
  readonly endpointSets: readonly EndpointSet[];
  readonly samples: readonly Sample[];
  readonly reports: readonly LoadReport[];
  readonly presence: readonly NodePresence[];
  /** Absent in recordings of before they were kept. */
  readonly deliveries?: readonly Delivery[];
  /** To prompts that were sent; absent: none. */
  readonly answers?: readonly PromptAnswer[];
  /** In force now; absent: none. */
  readonly perturbations?: readonly Perturbation[];
  /** What operators do by hand, in force or at its end; absent: nothing. */
  readonly operations?: readonly Operation[];
};

export type TickOutput = {
  readonly state: ControlState;
  readonly plan: Plan;
  /** What the law decided, before what operators do by hand. */
  readonly law: Omit<Plan, 'sequence'>;
  readonly loads: Readonly<Record<string, ServiceLoad>>;
  /** To be sent now, so that servers without requests stay warm. */
  readonly prompts: readonly Prompt[];
};

export const INITIAL_STATE: ControlState = {
  tick: 0,
  atMs: 0,
  load: {},
  weights: {},
  issued: {},
  sidecars: {},
  plan: undefined,
};

/** One turn of the controller: beliefs, decisions, Plan. Pure: the same state and input give the same output. */
export function tick(before: ControlState, input: TickInput): TickOutput {
  const { nowMs, policy, presence, deliveries = [], perturbations = [], answers = [] } = input;
  const operations = inForce(input.operations ?? [], nowMs);
  const sidecars = stepSidecars(before.sidecars, presence, nowMs);
  const elapsedSec = before.atMs === 0 ? 0 : (nowMs - before.atMs) / 1000;
  const load: Record<string, LoadState> = {};
  const weights: Record<string, WeightsState> = {};
  const issued: Record<string, IssuedRates> = {};
  const delays: Record<string, LoopDelay> = {};
  const overload: Record<string, OverloadState> = {};
  const failover: Record<string, FailoverState> = {};
  const warmth: Record<string, WarmthState> = {};
  const prompts: Prompt[] = [];
  const zones: Record<string, ZoneState> = {};
  const loads: Record<string, ServiceLoad> = {};
  const decisions: Record<string, ServiceDecision> = {};
  const endpoints = new Map(
    policy.services.map((service) => [
      service.name,
      membersOf(service, input.endpointSets, own(before.plan?.endpoints, service.name) ?? [], {
        nowMs,
        openRequests: (id) => openRequests(own(before.load, service.name), id),
      }),
    ]),
  );
  const heard = byService(endpoints, input);

  for (const service of policy.services) {
    const { name, split } = service;
    const all = endpoints.get(name) ?? [];
    // The law sees who is taken out as draining: it spreads the load over the others, and who comes back ramps up.
    const members = withTakenOut(all, takenOut(operations, service, all));
    const [told, freeze] = [heard(name), freezeOf(operations, name)];
    const step = stepService(before, service, {
      nowMs,
      elapsedSec,
      endpoints: members,
      heard: told,
      presence,
      deliveries,
      freeze,
    });
    Object.assign(weights, step.weights);
    delays[name] = step.delay;
    load[name] = step.believed.state;
    loads[name] = step.believed.load;
    const ladder = ladderOf(service, policy, nowMs);
    const servers = { load: step.believed.load, endpoints: members };
    overload[name] = stepOverload(own(before.overload ?? {}, name), {
      nowMs,
      elapsedSec,
      ...relievedBy(ladder, carrying(service, servers, step.decision, own(before.plan?.failovers, name))),
      ladder,
    });
    if (service.pools.some(({ keepWarm }) => keepWarm !== undefined)) {
      const warm = stepWarmth(own(before.warmth ?? {}, name) ?? {}, {
        nowMs,
        elapsedSec,
        service,
        endpoints: members,
        load: step.believed.load,
        decision: step.decision,
        samples: told.samples,
        answers,
        overloaded: overload[name].told > 0 || operations.some((one) => one.kind === 'Shed' && one.service === name),
      });
      warmth[name] = warm.state;
      prompts.push(...warm.prompts);
    }
    if (split?.kind === 'Tiers')
      failover[name] = stepFailover(own(before.failover, name), {
        nowMs,
        elapsedSec,
        split,
        endpoints: members,
        load: step.believed.load,
        decision: step.decision,
        samples: told.samples,
        cold: coldOnes(warmth[name]),
        frozen: freeze !== undefined,
        diverted: Object.keys(overload[name].degrades ?? {}).length > 0,
      });
    if (service.loadBalancer.trafficDistribution === 'PreferSameZone')
      zones[name] = stepZones(own(before.zones, name), {
        service: name,
        elapsedSec,
        endpoints: members,
        decision: step.decision,
        balances: balancesOf(service).map(({ pools }) => pools),
        reports: told.reports,
        senders: sendersTo(name, policy.groups, sidecars),
        frozen: freeze !== undefined,
      });
    decisions[name] = perturbed(step.decision, perturbations, nowMs, own(before.plan?.decisions, name));
    issued[name] = stepIssued(own(before.issued, name) ?? {}, step.believed.load.endpoints, elapsedSec);
  }

  const law: Omit<Plan, 'sequence'> = {
    policyRevision: policy.revision,
    policy,
    endpoints: Object.fromEntries(endpoints),
    decisions,
    sidecars: membersByGroup(sidecars, policy.groups),
    ...givenUp(overload),
    ...retryCuts(before.plan?.retryCuts ?? [], policy, { loads, states: load, endpoints }),
    ...tierFailovers(failover),
    ...zoneBalances(zones),
  };
  const plan = planWith(law, operations, before.plan);
  return {
    state: {
      tick: before.tick + 1,
      atMs: nowMs,
      load,
      weights,
      issued,
      delays,
      overload,
      failover,
      ...(Object.keys(warmth).length === 0 ? {} : { warmth }),
      ...(Object.keys(zones).length === 0 ? {} : { zones }),
      sidecars,
      plan,
    },
    plan,
    law,
    loads,
    prompts,
  };
}

/** What ladders shed and degrade now, by `service/class`. */
function givenUp(overload: Readonly<Record<string, OverloadState>>): Pick<Plan, 'sheds' | 'degrades'> {
  const states = Object.entries(overload);
  const sheds = states.flatMap(([service, { percents }]) =>
    Object.entries(percents).map(([name, percent]): [string, number] => [`${service}/${name}`, percent]),
  );
  const degrades = states.flatMap(([service, state]) =>
    Object.entries(state.degrades ?? {}).map(([name, { percent }]): [string, number] => [
      `${service}/${name}`,
      percent,
    ]),
  );
  return {
    ...(sheds.length === 0 ? {} : { sheds: byKey(sheds) }),
    ...(degrades.length === 0 ? {} : { degrades: byKey(degrades) }),
  };
}

/** Sorted, so that equal plans are told by their text. */
function byKey<T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function tierFailovers(failover: Readonly<Record<string, FailoverState>>): Pick<Plan, 'failovers'> {
  const failovers = Object.entries(failover).flatMap(([service, { from, to, percent }]): [string, TierFailover][] =>
    to === null || percent === 0 ? [] : [[service, { from, to, percent }]],
  );
  return failovers.length === 0 ? {} : { failovers: byKey(failovers) };
}

function zoneBalances(zones: Readonly<Record<string, ZoneState>>): Pick<Plan, 'zones'> {
  const balances = Object.entries(zones).map(([service, { sent }]): [string, ZoneState['sent']] => [service, sent]);
  return balances.length === 0 ? {} : { zones: byKey(balances) };
}

/** By hand or not: what a balance of a service has of its requests, the policy says. */
function withShares<P extends Omit<Plan, 'sequence'>>(plan: P): P {
  if (plan.policy.services.every(({ split }) => split === undefined)) return plan;
  const decisions = { ...plan.decisions };
  for (const service of plan.policy.services) {
    const { name } = service;
    const decision = decisions[name];
    if (decision !== undefined)
      decisions[name] = divided(service, plan.endpoints[name] ?? [], decision, own(plan.failovers, name));
  }
  return { ...plan, decisions };
}

/** A plan with operations on top; its sequence is that of the last one while both make the same resources. */
export function planWith(
  law: Omit<Plan, 'sequence'>,
  operations: readonly Operation[],
  before: Plan | undefined,
): Plan {
  const next = withShares(operated(law, operations));
  const same = before !== undefined && samePlan(before, next);
  return { ...next, sequence: same ? before.sequence : (before?.sequence ?? 0) + 1 };
}
