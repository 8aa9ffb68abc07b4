import type { OverloadState } from './overload-state.ts';

/**
 * `level 3 of 3, P3 100 %, P2 35 % shed, P1 40 % to standby; saturation 1.04: 33 in flight for 32 slots of 2 servers`: what is given up
 * now, and why.
 */
export function levelWords({ level, rungs, percents, degrades = {}, saturation, words }: OverloadState): string {
  const why = `saturation ${saturation === null ? 'unknown' : saturation.toFixed(2)}: ${words}`;
  const shed = Object.entries(percents).map(([name, percent]) => `${name} ${percent} %`);
  const given = [
    ...(shed.length === 0 ? [] : [`${shed.join(', ')} shed`]),
    ...Object.entries(degrades).map(([name, { toPool, percent }]) => `${name} ${percent} % to ${toPool}`),
  ];
  return given.length === 0 ? `nothing is shed; ${why}` : `level ${level} of ${rungs}, ${given.join(', ')}; ${why}`;
}
