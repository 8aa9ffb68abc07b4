import type { Arm, Outcome, Paired } from '../simulate/index.ts';
import type { ArmReport } from './rehearsal-report.ts';

/** Less than this many points of goodput is no reason to do anything. */
const NEGLIGIBLE = 0.1;

export type Verdict = {
  readonly than: Arm;
  readonly kind: 'Better' | 'Worse' | 'Same' | 'NotSure';
  readonly sentence: string;
};

/** Envoy's words where it has them. */
const NAMES: Readonly<Record<Arm, string>> = {
  RoundRobin: 'round_robin',
  LeastRequest: 'least_request',
  ClientSideWeightedRoundRobin: 'client_side_weighted_round_robin',
  Oracle: 'an oracle that knows every server from the start',
  Loadline: 'Loadline',
};

/** What the difference of goodput in points (Loadline minus the other) says, and how sure it is. */
export function verdictOn(than: Arm, gain: Paired, ours: ArmReport, theirs: ArmReport): Verdict {
  const { mean, halfWidth } = gain;
  const name = NAMES[than];
  const kind = kindOf(gain);
  const points = `${Math.abs(mean).toFixed(2)} points`;
  if (halfWidth === undefined) {
    const way = mean === 0 ? 'equal to' : mean > 0 ? `${points} ahead of` : `${points} behind`;
    return { than, kind, sentence: `Not sure: in this one run Loadline is ${way} ${name}; more --seeds tell more.` };
  }
  const interval = `95 % interval ${(mean - halfWidth).toFixed(2)} to ${(mean + halfWidth).toFixed(2)}`;
  const more = elsewhere(ours.mean, theirs.mean);
  switch (kind) {
    case 'Better':
      return {
        than,
        kind,
        sentence: `Loadline is better than ${name} on this traffic: ${points} more goodput (${interval})${more}.`,
      };
    case 'Worse':
      return {
        than,
        kind,
        sentence: `Loadline is worse than ${name} on this traffic: ${points} less goodput (${interval})${more}.`,
      };
    case 'Same':
      return {
        than,
        kind,
        sentence: `Loadline and ${name} do equally well on this traffic: goodput differs by less than ${NEGLIGIBLE} points (${interval})${more}.`,
      };
    case 'NotSure':
      return {
        than,
        kind,
        sentence: `Not sure whether Loadline is better than ${name} on this traffic (${interval} points of goodput)${more}; more --seeds tell more.`,
      };
  }
}

function kindOf({ mean, halfWidth }: Paired): Verdict['kind'] {
  if (halfWidth === undefined) return 'NotSure';
  const [least, most] = [mean - halfWidth, mean + halfWidth];
  if (least > -NEGLIGIBLE && most < NEGLIGIBLE) return 'Same';
  if (least > 0) return 'Better';
  return most < 0 ? 'Worse' : 'NotSure';
}

/** What goodput may not show, where it is much. */
function elsewhere(ours: Outcome, theirs: Outcome): string {
  const parts: string[] = [];
  if (differ(ours.ttftP99Ms, theirs.ttftP99Ms))
    parts.push(`TTFT p99 ${seconds(ours.ttftP99Ms)} instead of ${seconds(theirs.ttftP99Ms)}`);
  if (Math.round(ours.errors) !== Math.round(theirs.errors))
    parts.push(`${Math.round(ours.errors)} errors instead of ${Math.round(theirs.errors)}`);
  return parts.length === 0 ? '' : `; ${parts.join(', ')}`;
}

function differ(a: number, b: number): boolean {
  return Math.max(a, b) > 1.1 * Math.min(a, b);
}

/** `480 ms`, `2.1 s`; what never came has no time. */
export function seconds(ms: number): string {
  if (!Number.isFinite(ms)) return 'never';
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
