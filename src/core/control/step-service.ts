import { own } from '../../base/units/index.ts';
import { type FaultDrainOptions, stepLoad } from '../load/index.ts';
import type { freezeOf } from '../operations/index.ts';
import type { ModelService } from '../policy/index.ts';
import type { Delivery, Endpoint, NodePresence } from '../topology/index.ts';
import { heldAt, type ServiceDecision, stepWeights, type WeightsOptions, type WeightsState } from '../weights/index.ts';
import { balancesOf, joined, within } from './balancing.ts';
import type { Heard } from './by-service.ts';
import { loopDelaySec, stepLoopDelay } from './loop-delay.ts';
import type { ControlState } from './tick.ts';

/** What a tick remembers of services, each by its name or by that of its balances. */
type Memory = Pick<ControlState, 'load' | 'weights' | 'delays'>;

export type ServiceInput = {
  readonly nowMs: number;
  readonly elapsedSec: number;
  /** As the law is to see them: who is taken out by hand drains. */
  readonly endpoints: readonly Endpoint[];
  readonly heard: Heard;
  readonly presence: readonly NodePresence[];
  readonly deliveries: readonly Delivery[];
  /** By hand, in force. */
  readonly freeze: ReturnType<typeof freezeOf>;
};

type ServiceStep = {
  readonly believed: ReturnType<typeof stepLoad>;
  readonly delay: ReturnType<typeof stepLoopDelay>;
  /** By balance. */
  readonly weights: Readonly<Record<string, WeightsState>>;
  readonly decision: ServiceDecision;
};

const NOTHING: Memory = { load: {}, weights: {} };

/** Beliefs and decision about one service after a tick. */
export function stepService(before: Memory, service: ModelService, input: ServiceInput): ServiceStep {
  const step = stepFrom(before, service, input);
  // No sample can bring it about (test/core/law), but a checkpoint that somebody edited may: a memory of which no weight can be made
  // is forgotten.
  return isSound(step.decision) ? step : stepFrom(NOTHING, service, input);
}

function stepFrom(memory: Memory, service: ModelService, input: ServiceInput): ServiceStep {
  const { name, loadBalancer, orca } = service;
  const { nowMs, endpoints, freeze } = input;
  const believed = stepLoad(own(memory.load, name), {
    nowMs,
    service: name,
    endpoints,
    ...input.heard,
    presence: input.presence,
    options: {
      leastRequest: loadBalancer.type === 'LeastRequest',
      orca: orca !== undefined,
      faultDrain: faultDrainOf(service),
    },
  });
  const delay = stepLoopDelay(own(memory.delays ?? {}, name), {
    service: name,
    reportsSec: believed.load.reportDelaySec,
    deliveries: input.deliveries,
    elapsedSec: input.elapsedSec,
  });
  const weights: Record<string, WeightsState> = {};
  const parts = balancesOf(service).map((balance) => {
    const last = own(memory.weights, balance.key);
    const { state, decision } = stepWeights(last, {
      nowMs,
      service: name,
      ...within(balance, service, { endpoints, load: believed.load }),
      options: weightsOptions(service),
      loopDelaySec: loopDelaySec(delay),
    });
    weights[balance.key] = freeze === undefined ? state : heldAt(state, last, freeze.weights);
    return decision;
  });
  return { believed, delay, weights, decision: joined(service, parts) };
}

/** Whether it can be sent: whole weights, and shares that are numbers. */
function isSound({ endpoints }: ServiceDecision): boolean {
  for (const { weight, share } of endpoints)
    if (!(Number.isSafeInteger(weight) && Number.isFinite(share))) return false;
  return true;
}

/**
 * Whose endpoints drain when their GPU is lost, and how many: as many as Envoy may eject. Only where Loadline steers at all:
 * with `weights` in `Shadow` or `Disabled` nothing is sent that the operator has not said.
 */
function faultDrainOf({ pools, loadBalancer, outlierDetection }: ModelService): FaultDrainOptions {
  const willing = pools.filter(({ signals }) => signals.gpu?.fatalXid !== 'Ignore').map(({ name }) => name);
  return {
    pools: loadBalancer.weights === 'Active' ? willing : [],
    maxPercent: outlierDetection.maxEjectionPercent,
    atLeastOne: outlierDetection.alwaysEjectOneHost,
  };
}

/** What the policy says about the weights of a service. */
export function weightsOptions({ loadBalancer }: ModelService): WeightsOptions {
  return {
    mode: loadBalancer.weights,
    blendRatio: loadBalancer.blendRatio,
    leastRequest: loadBalancer.type === 'LeastRequest',
    maxWeightRatio: loadBalancer.maxWeightRatio,
    warmupMs: loadBalancer.warmupMs,
  };
}
