import { own } from '../../../src/base/units/index.ts';
import type { ServiceLoad } from '../../../src/core/load/index.ts';
import { reasonsOf } from '../../../src/core/weights/index.ts';
import { buildServerView, type PolicyView, type ServerView, type ViewInput } from '../../../src/edge/observe/index.ts';
import { Fleet, fleetPolicy } from '../../core/control/fleet.ts';

export const POLICY_VIEW: PolicyView = {
  files: ['lab.yaml'],
  revision: 'r1',
  loadedAtMs: 1000,
  problems: [],
  warnings: [],
};

/** What the rooms know after so many seconds of traffic over three servers, the third of them slow. */
export function viewInput(seconds: number, given: Partial<ViewInput> = {}): ViewInput {
  const fleet = new Fleet(fleetPolicy(), [30, 30, 4]);
  if (seconds > 0) fleet.run(seconds);
  const over = { plan: fleet.state.plan, loads: fleet.loads, ...given };
  return {
    version: '1.2.3',
    startedAtMs: fleet.nowMs - seconds * 1000,
    nowMs: fleet.nowMs,
    tick: fleet.state.tick,
    nodes: [],
    sources: [],
    policy: POLICY_VIEW,
    issuedShares: {},
    reasons: (service) => {
      const decision = own(over.plan?.decisions, service);
      return decision === undefined ? new Map() : reasonsOf(decision, own(over.loads, service));
    },
    ...over,
  };
}

/** The same with a second pool, of Spot machines of which none is there now, and batch limits that are told. */
export function withSpot({ plan, loads }: ViewInput): Pick<ViewInput, 'plan' | 'loads'> {
  if (plan === undefined) return { plan, loads };
  const services = plan.policy.services.map((service) => ({
    ...service,
    pools: service.pools.flatMap((pool) => [pool, { ...pool, name: 'spot', capacityType: 'Spot' as const }]),
  }));
  const told = Object.entries(loads).map(([service, load]): [string, ServiceLoad] => [
    service,
    { ...load, endpoints: load.endpoints.map((one) => ({ ...one, slotsKnown: true, slots: 16 })) },
  ]);
  return { plan: { ...plan, policy: { ...plan.policy, services } }, loads: Object.fromEntries(told) };
}

export function serverView(seconds: number, over: Partial<ViewInput> = {}): ServerView {
  return buildServerView(viewInput(seconds, over));
}
