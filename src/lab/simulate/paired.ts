/** Mean of paired differences, and half of its 95 % interval; without one from a single pair. */
export type Paired = { readonly mean: number; readonly halfWidth: number | undefined };

/** Two-sided 97.5 % points of Student's t by degrees of freedom; 1.96 in the limit. */
const T_975 = [
  12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1, 2.09, 2.09,
  2.08, 2.07, 2.07, 2.06, 2.06, 2.06, 2.05, 2.05, 2.05, 2.04,
];
const T_LIMIT = 1.96;

export function pairedOf(differences: readonly number[]): Paired {
  const count = differences.length;
  const mean = differences.reduce((sum, one) => sum + one, 0) / count;
  if (count < 2) return { mean, halfWidth: undefined };
  const variance = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (count - 1);
  return { mean, halfWidth: (T_975[count - 2] ?? T_LIMIT) * Math.sqrt(variance / count) };
}
