import type { ServiceLoad } from '../load/index.ts';

/** Nearly every request fails at every server that has any: no retry there can do better. */
const CUT_FROM = 0.8;
/** A server that answers is worth trying again. */
const BACK_AT = 0.5;
/** With fewer failures than these in a second no storm can come of retrying them. */
const FEW_PER_SEC = 2;

/**
 * Whether retries of a cluster are cut, by what is believed of the servers that they can reach. While all of these fail, each retry is one more request for servers that cannot
 * serve the first, and keeps them down; Envoy's budget of a few percent is one for a few failing servers, and its floor lets
 * through hundreds a second when failures are fast. They come back with the first server that answers half of what it is asked.
 * @param remembered whether any sidecar has reported within ten of its intervals
 */
export function cutsRetries(before: boolean, load: ServiceLoad, remembered: boolean): boolean {
  // Right after a restart nobody has reported yet: what was cut stays so while the last reports still count for something.
  if (load.loadReports === 'Silent') return before && remembered;
  // One that is ejected after its first failures is not asked any more: what is remembered of it is how well it was before.
  const asked = load.endpoints.filter(({ issued }) => issued > 0);
  if (asked.length === 0) return before;
  if (before) return asked.every(({ errorRatio }) => errorRatio > BACK_AT);
  const perSec = asked.reduce((sum, { errorsPerSec }) => sum + errorsPerSec, 0);
  return perSec >= FEW_PER_SEC && asked.every(({ errorRatio }) => errorRatio > CUT_FROM);
}
