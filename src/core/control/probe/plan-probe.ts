import type { Issue } from '../../../base/units/index.ts';
import { own } from '../../../base/units/index.ts';
import type { ServiceLoad } from '../../load/index.ts';
import { issuedShares } from '../issued-share.ts';
import { endAtMs, type Perturbation } from '../perturbation.ts';
import type { ControlState } from '../tick.ts';
import { balancerGain, neededRequests } from './measure.ts';

/** Steps of which the smallest that would be seen is proposed. */
const STEPS = [0.05, 0.1, 0.2];
export const LEAST_STEP = 0.01;
export const MOST_STEP = 0.2;
export const LEAST_HOLD_MS = 5_000;
export const MOST_HOLD_MS = 300_000;
/** A weight is an integer: one that cannot show the step within a quarter of it is too small. */
const LEAST_ACCURACY = 0.25;

export type ProbeFacts = {
  readonly state: ControlState;
  readonly loads: Readonly<Record<string, ServiceLoad>>;
  /** Those in force. */
  readonly perturbations: readonly Perturbation[];
  /** Whether shares of the service are on their way. */
  readonly moving: boolean;
};

export type ProbePlan = {
  readonly leastRequest: boolean;
  /** Of the whole service, in both holds together. */
  readonly neededRequests: number;
  readonly expectedRequests: number;
};

/** `NotFound`: no such thing; `Invalid`: a number out of its range; `Refused`: not now, or not here. */
export type ProbeAnswer =
  | { readonly ok: true; readonly value: ProbePlan }
  | { readonly ok: false; readonly issues: readonly [Issue & { readonly code: 'NotFound' | 'Invalid' | 'Refused' }] };

/** Whether an endpoint can be probed now, and what one may expect of it. */
export function planProbe(
  { state, loads, perturbations, moving }: ProbeFacts,
  probe: Pick<Perturbation, 'service' | 'endpoint' | 'stepRatio' | 'startAtMs' | 'holdMs'>,
): ProbeAnswer {
  const { service: name, endpoint: id, stepRatio, holdMs } = probe;
  if (!(stepRatio >= LEAST_STEP && stepRatio <= MOST_STEP))
    return no('Invalid', `a step of ${percent(stepRatio)}: expected 1 % to 20 %`);
  if (!(holdMs >= LEAST_HOLD_MS && holdMs <= MOST_HOLD_MS))
    return no('Invalid', `a hold of ${holdMs / 1000} s: expected 5 s to 5 min`);
  const { plan } = state;
  const policy = plan?.policy.services.find((service) => service.name === name);
  const decision = plan === undefined ? undefined : own(plan.decisions, name);
  if (policy === undefined || decision === undefined) return no('NotFound', `no service ${JSON.stringify(name)}`);
  const target = decision.endpoints.find((endpoint) => endpoint.id === id);
  if (target === undefined) return no('NotFound', `no endpoint ${JSON.stringify(id)}; loadline status lists them`);
  const { type, weights, trafficDistribution } = policy.loadBalancer;
  if (weights !== 'Active')
    return no('Refused', `weights of ${name} are ${weights}: what is not sent cannot be probed`);
  if (trafficDistribution !== undefined)
    return no(
      'Refused',
      `requests of ${name} stay in their zone, so its weights move them only inside one: nothing could be told`,
    );
  if (decision.outcome === 'Frozen')
    return no('Refused', `weights of ${name} are frozen by an operator: loadline unfreeze ${name} first`);
  if (decision.endpoints.length === 1) return no('Refused', `${id} is the only endpoint of ${name}: its share is all`);
  const running = perturbations.find((one) => one.service === name && endAtMs(one) > probe.startAtMs);
  if (running !== undefined)
    return no('Refused', `a probe of ${running.endpoint} runs (${running.reason}); one at a time`);
  const draining = decision.endpoints.find(({ health }) => health === 'Draining');
  if (draining !== undefined) return no('Refused', `${draining.id} drains: try again when it is gone`);
  if (moving) return no('Refused', `shares of ${name} are on their way: try again when they have come to rest`);
  const load = own(loads, name);
  const belief = load?.endpoints.find((endpoint) => endpoint.id === id);
  if (load === undefined || belief === undefined || load.loadReports === 'Silent')
    return no('Refused', `no sidecar reports what it issues for ${name}: nothing would be seen`);
  if (belief.bad || belief.waiting1st) return no('Refused', `${id} is not well: its share follows its health`);
  if (roundingOf(target.weight, stepRatio) > LEAST_ACCURACY)
    return no(
      'Refused',
      `the weight ${target.weight} is too small to be moved by ${percent(stepRatio)}: use a larger --step`,
    );
  const rates = own(state.issued, name) ?? {};
  const share = own(issuedShares(rates), id) ?? 0;
  const perSec = Object.values(rates).reduce((sum, rate) => sum + rate, 0);
  const expected = Math.floor((perSec * 2 * holdMs) / 1000);
  const leastRequest = type === 'LeastRequest';
  const needs = (step: number): number =>
    neededRequests(share, step, balancerGain(leastRequest, belief.inFlightPerSidecar));
  if (expected < needs(stepRatio)) return no('Refused', tooFew({ needs, perSec, expected, stepRatio, holdMs }));
  return { ok: true, value: { leastRequest, neededRequests: needs(stepRatio), expectedRequests: expected } };
}

function tooFew(probe: {
  readonly needs: (stepRatio: number) => number;
  readonly perSec: number;
  readonly expected: number;
  readonly stepRatio: number;
  readonly holdMs: number;
}): string {
  const { needs, perSec, expected, stepRatio, holdMs } = probe;
  const needed = needs(stepRatio);
  if (!Number.isFinite(needed)) return 'the endpoint gets no requests at all, or every one: no step can be seen';
  const said = `a step of ${percent(stepRatio)} needs ${needed} requests of the service; in ${(2 * holdMs) / 1000} s it has ${expected}`;
  const step = STEPS.find((one) => one > stepRatio && needs(one) <= expected);
  if (step !== undefined) return `${said}: use --step ${percent(step).replace(' ', '')}`;
  const holdSec = Math.ceil(needs(MOST_STEP) / perSec / 2 / 5) * 5;
  return holdSec * 1000 <= MOST_HOLD_MS
    ? `${said}: use --step 20% --hold ${holdSec}s`
    : `${said}: not even --step 20% --hold 5m would be seen`;
}

/** How far the step of an integer is off, as a part of the step. */
function roundingOf(weight: number, stepRatio: number): number {
  const want = Math.log(1 + stepRatio);
  const off = [1 + stepRatio, 1 / (1 + stepRatio)].map(
    (factor) => Math.abs(Math.log(Math.max(1, Math.round(weight * factor)) / weight) - Math.log(factor)) / want,
  );
  return Math.max(...off);
}

function percent(ratio: number): string {
  return `${Number((100 * ratio).toFixed(1))} %`;
}

function no(code: 'NotFound' | 'Invalid' | 'Refused', message: string): ProbeAnswer {
  return { ok: false, issues: [{ code, path: '', message }] };
}
