import type { DemoReport, LaneReport, PhaseReport, ShiftReport } from './report.ts';
import { latency, percent, textTable } from './text-table.ts';

/** What the demo prints at its end. */
export function summary(report: DemoReport): readonly string[] {
  const { leastRequest, loadline } = report.lanes;
  const row = (phase: string, lane: string, part: PhaseReport): string[] => [
    phase,
    lane,
    String(part.requests),
    latency(part.firstTokenP50Ms),
    latency(part.firstTokenP99Ms),
    latency(part.endToEndP99Ms),
    percent(part.goodputRatio),
    part.imbalance === null ? '-' : part.imbalance.toFixed(2),
  ];
  const pair = (name: string, part: (lane: LaneReport) => PhaseReport): string[][] => [
    row(name, 'least request', part(leastRequest)),
    row('', 'Loadline', part(loadline)),
  ];
  const { slowed } = report;
  return [
    `Envoy ${report.envoyVersion}, ${report.sidecars} sidecars a lane, ${report.ratePerSec} requests/s a lane (load ${report.load}), seed ${report.seed}.`,
    `${slowed.server} ran at ${slowed.step} of its speed from ${slowed.fromMs / 1000} s to ${slowed.toMs / 1000} s.`,
    `Before the clock started: ${report.warmUpMs / 1000} s of the same traffic; only client errors count from it.`,
    `Loadline ${report.widthsTold ? 'was told' : 'had to learn'} the batch limits.`,
    '',
    ...textTable([
      ['phase', 'lane', 'requests', 'first token p50', 'p99', 'end to end p99', 'in time', 'imbalance'],
      ...pair('warm-up', (lane) => lane.warmUp),
      ...loadline.phases.flatMap(({ name }, index) => pair(name, (lane) => lane.phases[index]!)),
      ...pair('whole run', (lane) => lane.wholeRun),
    ]),
    '',
    `Client errors: ${leastRequest.clientErrors} with least request, ${loadline.clientErrors} with Loadline, of ${report.requests} requests${failures(report)}.`,
    `Traffic left ${slowed.server}: weights ${times(report.timeToShift.acked)}; requests ${times(report.timeToShift.issued)}.`,
    `Pushes since the Envoys were ready: ${Object.entries(loadline.pushes)
      .map(([type, count]) => `${type} ${count}`)
      .join(', ')}.`,
    `The load generator was ${report.generatorLagP99Ms} ms late at p99.`,
    '',
    `Verdict: ${report.verdict} (${report.verdictBy})`,
  ];
}

function times({ t50Ms, t90Ms, before, final }: ShiftReport): string {
  const from = `${percent(before ?? undefined)} to ${percent(final ?? undefined)}`;
  if (t50Ms === null) return `${from}, too small a move to time`;
  const last = t90Ms === null ? 'never 90 %' : `90 % after ${(t90Ms / 1000).toFixed(1)} s`;
  return `${from}, 50 % of the move after ${(t50Ms / 1000).toFixed(1)} s, ${last}`;
}

function failures({ lanes }: DemoReport): string {
  const kinds = Object.entries(lanes).flatMap(([lane, { failures: counts }]) =>
    Object.entries(counts).map(([kind, count]) => `${lane}: ${count} × ${kind}`),
  );
  return kinds.length === 0 ? '' : ` (${kinds.join('; ')})`;
}
