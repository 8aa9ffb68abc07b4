/** Below this sum weights are sent in thousandths, so that what makes the sum odd is no part of a share. */
const ROUGH_SUM = 100_000;
const FINE = 1000;

/** The largest weight that {@link splitWeights} makes of policies. */
export const MAX_SENT_WEIGHT: number = ROUGH_SUM * FINE;

/**
 * Weights of the clusters of a split, as Envoy is to have them: the shares of the policy, with a sum that has no factor in common
 * with 100.
 *
 * Envoy draws one number for a request. It sheds by the remainder of 100 and picks the cluster by the remainder of the sum of the
 * weights. With a sum of 100 a shed of half would refuse the requests of the first clusters and let in those of the last: 80/10/10
 * became 61/19/20 (measured on 1.40). Remainders by numbers without a common factor know nothing of each other.
 */
export function splitWeights(weights: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const sum = [...weights.values()].reduce((total, weight) => total + weight, 0);
  const factor = sum < ROUGH_SUM ? FINE : 1;
  let extra = 0;
  while ((sum * factor + extra) % 2 === 0 || (sum * factor + extra) % 5 === 0) extra += 1;
  const largest = Math.max(...weights.values());
  const first = [...weights].find(([, weight]) => weight === largest)?.[0];
  return new Map([...weights].map(([name, weight]) => [name, weight * factor + (name === first ? extra : 0)]));
}
