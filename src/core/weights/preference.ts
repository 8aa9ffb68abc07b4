import type { EndpointLoad } from '../load/index.ts';
import { recentre } from './grid.ts';

/**
 * How much fuller than others a fast server is kept, and a slow one emptier. A request lasts longer on a slow server, and the
 * longer the fuller it is: equal fill gives the worst answers where they are worst already. Speed is what engines say of
 * themselves, work per running request; from load reports it cannot be told apart from a queue or a narrow batch.
 */
const PREFERENCE = 0.35;
/** Speeds that differ from the mean by less are as good as equal, and noise must not move weights twice. */
const ALIKE = 0.2;
/** Never by more than two thirds: the slots of a slow server are slots all the same. */
const MAX_PREFERENCE = 0.5;

/** Natural logs, mean about 0: by how much the fill (requests per slot) of each is wanted above the mean. */
export function preferences(endpoints: readonly EndpointLoad[]): readonly number[] {
  const speeds = endpoints.map(({ logCapacity, slots }) => logCapacity - Math.log(slots));
  let sum = 0;
  let told = 0;
  for (let i = 0; i < speeds.length; i += 1) {
    if (endpoints[i]?.engine === 'Absent') continue;
    sum += speeds[i] as number;
    told += 1;
  }
  const mean = sum / Math.max(1, told);
  return recentre(speeds.map((speed, i) => (endpoints[i]?.engine === 'Absent' ? 0 : preferenceOf(speed - mean))));
}

function preferenceOf(speed: number): number {
  const beyond = Math.sign(speed) * Math.max(0, Math.abs(speed) - ALIKE);
  return Math.min(MAX_PREFERENCE, Math.max(-MAX_PREFERENCE, PREFERENCE * beyond));
}
