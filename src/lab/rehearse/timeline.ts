import type { Arm, Run } from '../simulate/index.ts';
import type { RehearsalReport } from './rehearsal-report.ts';

const HEADER = 'arm,second,endpoint,issued,share,in_flight,weight';

/** CSV lines, for plots: each second of the first seed's run, by arm and endpoint. A weight of 0: not in the fleet. */
export function* timeline(
  { servers }: Pick<RehearsalReport, 'servers'>,
  runs: ReadonlyMap<Arm, readonly Run[]>,
): Generator<string> {
  yield HEADER;
  for (const [arm, [run]] of runs) {
    for (const [second, { inFlight, weights }] of (run?.seconds ?? []).entries()) {
      const issued = run?.issued[second] ?? [];
      const all = issued.reduce((sum, one) => sum + one, 0);
      for (const [at, { name }] of servers.entries()) {
        const own = issued[at] ?? 0;
        const share = all === 0 ? 0 : own / all;
        yield [arm, second, name, own, share.toFixed(4), inFlight[at], weights[at]].join(',');
      }
    }
  }
}
