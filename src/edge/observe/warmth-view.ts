import { own } from '../../base/units/index.ts';
import type { ModelService, Pool } from '../../core/policy/index.ts';
import type { Endpoint } from '../../core/topology/index.ts';
import type { Warmth } from '../../core/warmth/index.ts';
import type { ViewInput } from './view-input.ts';

/** How many servers of a pool that is kept warm are known to be so. */
export type WarmthView = {
  readonly warm: number;
  readonly cold: number;
  readonly unknown: number;
  /** Who is cold, or takes no prompt, and what was answered; '' where there is nobody. */
  readonly reason: string;
};

/** In a line. */
const MOST_NAMED = 3;

/** `null` for a pool without `keepWarm`, and before its first tick. */
export function warmthView(
  { warmth }: ViewInput,
  { name }: ModelService,
  pool: Pool,
  endpoints: readonly Endpoint[],
): WarmthView | null {
  const state = own(warmth ?? {}, name);
  if (state === undefined || pool.keepWarm === undefined) return null;
  const known = endpoints.flatMap((endpoint): readonly (Warmth & { readonly at: string })[] => {
    const one = own(state, endpoint.id);
    return one === undefined ? [] : [{ ...one, at: endpoint.id.slice(endpoint.id.lastIndexOf('/') + 1) }];
  });
  const count = (belief: Warmth['belief']): number => known.filter((one) => one.belief === belief).length;
  const odd = known.filter(({ belief, refused }) => belief === 'Cold' || refused);
  const named = odd.slice(0, MOST_NAMED).map(({ at, words }) => `${at} ${words}`);
  const more = odd.length > MOST_NAMED ? [`and ${odd.length - MOST_NAMED} more`] : [];
  return {
    warm: count('Warm'),
    cold: count('Cold'),
    unknown: count('Unknown'),
    reason: [...named, ...more].join('; '),
  };
}
