import type { SourceHealth } from '../../core/topology/index.ts';
import type { Collected } from './signal-source.ts';
import type { Target } from './target.ts';

/** A target that was not tried yet has neither success nor failure. */
export function untriedHealth({ source, service, pool }: Target): SourceHealth {
  return { source, service, pool, lastSuccessMs: undefined, consecutiveFailures: 0, lastError: undefined };
}

export function healthAfter(before: SourceHealth, collected: Collected, nowMs: number): SourceHealth {
  const { failure, samples } = collected;
  if (failure === undefined) {
    return { ...before, lastSuccessMs: nowMs, consecutiveFailures: 0, lastError: complaint(collected) };
  }
  return {
    ...before,
    lastSuccessMs: samples.length > 0 ? nowMs : before.lastSuccessMs,
    consecutiveFailures: before.consecutiveFailures + 1,
    lastError: failure.reason === 'Refused' ? (complaint(collected) ?? failure.message) : failure.message,
  };
}

/** What is wrong with an answer that was read: refused values, and what its source notes. Undefined when nothing is. */
function complaint({ refusals, note }: Collected): string | undefined {
  const first = refusals[0];
  if (first === undefined) return note;
  const more = refusals.length > 1 ? ` (and ${refusals.length - 1} more)` : '';
  const refused = `refused: ${first.name} ${first.words}${more}`;
  return note === undefined ? refused : `${refused}; ${note}`;
}
