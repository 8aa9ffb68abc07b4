import type { BeliefView, EndpointExplanation, ExplainView } from '../edge/observe/index.ts';

/** What the last tick made of a service's weights. */
const OUTCOMES: Readonly<Record<ExplainView['outcome'], string>> = {
  Undecided: 'nothing is decided yet',
  First: 'the first weights',
  Pushed: 'new weights went out',
  SnappedEqual: 'what differs is noise, or levelled by least_request itself, so the weights became exactly equal',
  HeldEqual: 'the weights stay equal: what differs is noise, or levelled by least_request itself',
  HeldDeadBand: 'the weights stay: the change is too small to disturb Envoys for',
  HeldSameVector: 'the weights stay: the change is less than a step',
  HeldTooSoon: 'the weights stay: the last ones have just gone out',
  HeldNoSignal: 'the last weights stay: neither sidecars nor engines say anything',
  Single: 'one endpoint, so there is nothing to decide',
  Membership: 'endpoints came or went, so new weights went out',
  Shadow: 'weights are computed and not sent (weights: Shadow)',
  Disabled: 'equal by policy (weights: Disabled)',
  Frozen: 'the weights stay: an operator has frozen them',
};

const LIMITS: Readonly<Record<string, string>> = {
  StepUp: 'a weight rises by a quarter a second at most',
  StepDown: 'a weight halves in a second at most',
  Floor: 'no share falls below 4 % of an even one, or a server could never show that it is well again',
  MaxWeightRatio: 'learned capacity counts within maxWeightRatio alone',
  Probe: 'an operator probes the loop: the weight moves a little, and back',
  Frozen: 'an operator has frozen the weights',
  Clamp3: 'no more than 20 times the mean, and no less than a 20th of it',
};

/** Below this a term moves nothing that one could see. */
const NOTICEABLE = 0.02;

export function outcomeWords(outcome: ExplainView['outcome']): string {
  return OUTCOMES[outcome] ?? outcome;
}

/** Each thing that makes the weight of one endpoint, as a label and words. */
export function termLines({
  terms,
  belief,
  clamps,
  weight,
  previousWeight,
  shadowWeight,
}: EndpointExplanation): readonly (readonly [label: string, words: string])[] {
  const computed = shadowWeight === null || shadowWeight === weight ? '' : `; computed, not sent: ${shadowWeight}`;
  const step = weight === previousWeight ? `${weight}, as before` : `${previousWeight} -> ${weight}`;
  const lines: [string, string][] = [['weight', `${step}${computed}`]];
  if (terms !== null && belief !== null) {
    const { inFlight, slots, slotsKnown } = belief;
    lines.push(
      ['capacity', `${Math.exp(terms.capacity).toFixed(2)} of the mean, ${sourceWords(belief)}`],
      [
        'pressure',
        `${inFlight.toFixed(1)} requests on ${slots.toFixed(0)} slots${slotsKnown ? '' : ' (its batch limit is unknown)'}: ${effect(terms.inFlight)}`,
      ],
    );
    if (Math.abs(terms.speed) >= NOTICEABLE)
      lines.push([
        'speed',
        `kept ${terms.speed < 0 ? 'emptier than faster servers' : 'fuller than slower servers'}: ${effect(terms.speed)}`,
      ]);
    if (belief.foreign > 0)
      lines.push(['foreign', `${belief.foreign.toFixed(1)} requests came past the sidecars: ${effect(terms.foreign)}`]);
    lines.push(['health', healthWords(belief, terms.health)], ['ramp', rampWords(belief, terms.ramp)]);
    if (Math.abs(terms.feedForward) >= NOTICEABLE)
      lines.push([
        'balancer',
        `times ${Math.exp(terms.feedForward).toFixed(2)}, since least_request divides a weight by what is in flight`,
      ]);
  }
  if (belief !== null) {
    lines.push(['gpu', gpuWords(belief)]);
    const heard = belief.signals.filter(({ state }) => state !== 'Absent');
    if (heard.length > 0)
      lines.push(['signals', heard.map(({ signal, state }) => `${signal} ${state.toLowerCase()}`).join(', ')]);
    for (const { signal, state, why } of belief.signals) {
      if (why !== '') lines.push([state.toLowerCase(), `${signal}: ${why}`]);
    }
  }
  for (const clamp of clamps) lines.push(['limit', LIMITS[clamp] ?? clamp]);
  return lines;
}

/** A natural log as what it does to a share. */
function effect(log: number): string {
  if (Math.abs(log) < NOTICEABLE) return 'moves nothing';
  const percent = Math.abs(Math.expm1(log) * 100);
  return log < 0 ? `takes ${percent.toFixed(0)} % off` : `adds ${percent.toFixed(0)} %`;
}

function sourceWords({ capacitySource, freshness }: BeliefView): string {
  if (capacitySource === 'Engine') return 'learned from the work of its engine';
  if (capacitySource === 'LoadReports') return 'learned from what sidecars see it complete';
  return freshness === 'Stale' ? 'kept from when its engine was heard' : 'nothing to learn from right now';
}

function healthWords({ errorRatio, bad }: BeliefView, log: number): string {
  if (Math.abs(log) < NOTICEABLE) return 'well';
  return `${(errorRatio * 100).toFixed(0)} % of its answers are errors${bad ? ', it counts as bad' : ''}: ${effect(log)}`;
}

function rampWords({ waitingForFirst, rampAgeSec }: BeliefView, log: number): string {
  if (waitingForFirst && log < -NOTICEABLE) return `has yet to complete a first request: ${effect(log)}`;
  if (log < -NOTICEABLE) return `warms up since ${(rampAgeSec ?? 0).toFixed(0)} s: ${effect(log)}`;
  return 'warmed up';
}

/** Whether GPU utilisation counts, and if not, why. */
function gpuWords({ gate, gpuUtilRatio, freshness, notes }: BeliefView): string {
  if (gate === 'Absent') return 'no GPU metrics';
  const util = gpuUtilRatio === null ? 'utilisation unknown' : `utilisation ${(gpuUtilRatio * 100).toFixed(0)} %`;
  if (freshness === 'Fresh') return `${util}; not needed while its engine is heard`;
  if (gate === 'Open') return `${util}, gate open: it follows the load and counts`;
  const told = notes.some((note) => /GPU/.test(note));
  return `${util}, gate closed: ${told ? 'see below' : 'it has not been seen to follow the load'}`;
}
