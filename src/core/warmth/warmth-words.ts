import { own } from '../../base/units/index.ts';
import type { EndpointId } from '../topology/index.ts';
import type { Warmth, WarmthState } from './warmth.ts';

/** `warm for 312 s: answered in 0.21 s, 14 s ago` */
export function warmthWords({ belief, sinceSec, heardSec, words }: Warmth): string {
  const since = belief === 'Unknown' ? '' : ` for ${sinceSec.toFixed(0)} s`;
  const ago = heardSec === null ? '' : `, ${heardSec.toFixed(0)} s ago`;
  return `${belief === 'Unknown' ? 'not known to be warm' : belief.toLowerCase()}${since}: ${words}${ago}`;
}

/** Who is known not to answer in time. */
export function coldOnes(state: WarmthState | undefined): ReadonlySet<EndpointId> {
  return new Set(Object.keys(state ?? {}).filter((id) => own(state, id)?.belief === 'Cold'));
}
