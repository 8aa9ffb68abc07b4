import { own } from '../../base/units/index.ts';
import type { ServiceLoad } from '../load/index.ts';
import type { ModelService } from '../policy/index.ts';
import type { Delivery, NodePresence } from '../topology/index.ts';
import { type ServiceDecision, sameWeights } from '../weights/index.ts';
import type { Plan } from './plan.ts';
import { PushMeter } from './push-acks.ts';
import type { Shift } from './shift.ts';
import { ShiftMeter } from './shift-meter.ts';

type Meters = {
  readonly pushes: PushMeter;
  readonly shifts: ShiftMeter;
  /** From changed weights to changed picks, over the shifts so far; undefined before the first. */
  picksMs: number | undefined;
};

/** What the newest shift counts for. */
const NEWEST = 0.3;

/** The meters of all services, and what feeds them. */
export class ShiftMeters {
  #meters = new Map<string, Meters>();

  /** Takes a tick: the plan before it, the one after it, and what was heard in between. Gives the shifts that are over. */
  step(input: {
    readonly nowMs: number;
    readonly before: Plan | undefined;
    readonly plan: Plan;
    readonly loads: Readonly<Record<string, ServiceLoad>>;
    readonly deliveries: readonly Delivery[];
    readonly presence: readonly NodePresence[];
  }): readonly Shift[] {
    const { nowMs, before, plan, loads, deliveries, presence } = input;
    const meters = new Map<string, Meters>();
    const all = Object.values(plan.decisions).flatMap((decision) => {
      const { service } = decision;
      const meter = this.#meters.get(service) ?? newMeters(service);
      meters.set(service, meter);
      const stood = own(before?.decisions ?? {}, service);
      const pushed = stood === undefined || !sameWeights(stood, decision);
      const acks = meter.pushes.step({ nowMs, pushed, deliveries, presence });
      const edited =
        (before !== undefined && before.policy !== plan.policy && isEdited(before, plan, service)) ||
        (stood !== undefined && byHand(stood) !== byHand(decision));
      const endpoints = own(loads, service)?.endpoints ?? [];
      const shifts = meter.shifts.step({ nowMs, decision, endpoints, edited, acks });
      for (const { picksMs } of shifts)
        if (picksMs !== undefined)
          meter.picksMs = (meter.picksMs ?? picksMs) + NEWEST * (picksMs - (meter.picksMs ?? picksMs));
      return shifts;
    });
    this.#meters = meters;
    return all;
  }

  /** Whether shares of the service are on their way. */
  moving(service: string): boolean {
    return this.#meters.get(service)?.shifts.moving ?? false;
  }

  picksMs(service: string): number | undefined {
    return this.#meters.get(service)?.picksMs;
  }
}

function newMeters(service: string): Meters {
  return { pushes: new PushMeter(service), shifts: new ShiftMeter(), picksMs: undefined };
}

/** What an operator does to the weights of a service by hand: who does it moves shares as an edit does. */
function byHand({ outcome, endpoints }: ServiceDecision): string {
  const out = endpoints.filter(({ health, operation }) => operation !== undefined && health === 'Draining');
  return `${outcome === 'Frozen'} ${out.map(({ id }) => id).join(' ')}`;
}

/** Whether the policy says something else about weights and endpoints; routes and timeouts move no share. */
function isEdited(before: Plan, { policy }: Plan, service: string): boolean {
  const said = ({ services }: { readonly services: readonly ModelService[] }): string => {
    const found = services.find(({ name }) => name === service);
    return found === undefined ? '' : JSON.stringify([found.loadBalancer, found.pools]);
  };
  return said(before.policy) !== said(policy);
}
