/** Milliseconds on the clock of the run; the share of one server at that time (0..1). */
export type SharePoint = { readonly tMs: number; readonly share: number };

export type ShiftWindow = {
  /** When the server became slow. */
  readonly stepAtMs: number;
  /** When it recovered. */
  readonly endAtMs: number;
};

/** Undefined where there was no move to measure, or where it was never made in the window. */
export type ShiftTimes = {
  readonly before: number | undefined;
  readonly final: number | undefined;
  readonly t50Ms: number | undefined;
  readonly t90Ms: number | undefined;
};

/** The share before the step is the mean over so long. */
const BEFORE_MS = 10_000;
/** A part of the move counts as made when most of the samples over so long after it have made it: one spike is no shift. */
const HOLD_MS = 2000;
/** A smaller move (as a part of the share before) is noise; its times would be a lottery. */
const SMALLEST_MOVE = 0.1;

/**
 * How long a share took to make 50 % and 90 % of its move, from the step on. The end of the move is the mean over the
 * last third of the slow time, so overshoot on the way counts as "made".
 */
export function timeToShift(series: readonly SharePoint[], window: ShiftWindow): ShiftTimes {
  const { stepAtMs, endAtMs } = window;
  const before = meanShare(series, stepAtMs - BEFORE_MS, stepAtMs);
  const final = meanShare(series, endAtMs - (endAtMs - stepAtMs) / 3, endAtMs);
  if (before === undefined || final === undefined || Math.abs(final - before) < SMALLEST_MOVE * before) {
    return { before, final, t50Ms: undefined, t90Ms: undefined };
  }
  const progress = (share: number): number => (share - before) / (final - before);
  const firstHeld = (part: number): number | undefined => {
    for (const { tMs, share } of series) {
      if (tMs < stepAtMs || tMs >= endAtMs || progress(share) < part) continue;
      const after = between(series, tMs, Math.min(endAtMs, tMs + HOLD_MS));
      const made = after.filter((point) => progress(point.share) >= part).length;
      if (made * 2 > after.length) return tMs - stepAtMs;
    }
    return undefined;
  };
  return { before, final, t50Ms: firstHeld(0.5), t90Ms: firstHeld(0.9) };
}

function between(series: readonly SharePoint[], fromMs: number, toMs: number): readonly SharePoint[] {
  return series.filter(({ tMs }) => tMs >= fromMs && tMs < toMs);
}

function meanShare(series: readonly SharePoint[], fromMs: number, toMs: number): number | undefined {
  const points = between(series, fromMs, toMs);
  return points.length === 0 ? undefined : points.reduce((sum, { share }) => sum + share, 0) / points.length;
}
