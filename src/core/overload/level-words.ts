import type { OverloadState } from './overload-state.ts';

/** `level 2 of 2, P3 100 %, P2 35 % shed; saturation 1.04: 33 in flight for 32 slots of 2 servers`: what is given up now, and why. */
export function levelWords({ level, rungs, percents, saturation, words }: OverloadState): string {
  const why = `saturation ${saturation === null ? 'unknown' : saturation.toFixed(2)}: ${words}`;
  const shed = Object.entries(percents).map(([name, percent]) => `${name} ${percent} %`);
  return shed.length === 0 ? `nothing is shed; ${why}` : `level ${level} of ${rungs}, ${shed.join(', ')} shed; ${why}`;
}
