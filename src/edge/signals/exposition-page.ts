import { type Scan, scanExposition } from './exposition.ts';
import type { LineHeads } from './line-heads.ts';
import type { Page, PageFetcher } from './page-fetcher.ts';
import type { Failure } from './signal-source.ts';

/** A page that was read to its end, and when it was there. */
export type ExpositionPage =
  | { readonly ok: true; readonly scan: Scan; readonly receivedAtMs: number }
  | { readonly ok: false; readonly failure: Failure };

/** The version keeps OpenMetrics and protobuf away from servers that would prefer them. */
export const ACCEPT = 'text/plain;version=0.0.4';
const OPEN_METRICS = 'application/openmetrics-text';

/**
 * Fetches and scans one metrics page. A page that was cut or is too rich is refused as a whole: a merged value that lacks
 * some of its series would be wrong without looking wrong.
 */
export async function fetchExposition(
  fetcher: PageFetcher,
  url: string,
  wanted: ReadonlySet<string>,
  nowMs: number,
  signal: AbortSignal,
  heads: LineHeads,
): Promise<ExpositionPage> {
  const page = await fetcher.get({ url, accept: ACCEPT, lent: true }, signal);
  return page.ok ? scanPage(page, wanted, nowMs, heads) : page;
}

/** Scans an answer that is there. `heads` are those of the source that it came from. */
export function scanPage(
  page: Extract<Page, { ok: true }>,
  wanted: ReadonlySet<string>,
  nowMs: number,
  heads: LineHeads,
): ExpositionPage {
  const { contentType } = page;
  if (contentType !== '' && contentType !== 'text/plain' && contentType !== OPEN_METRICS) {
    const shown = contentType.slice(0, 60);
    return { ok: false, failure: { reason: 'ContentType', message: `answered ${shown} where text/plain is expected` } };
  }
  const scan = scanExposition(page.body, { wanted, openMetrics: contentType === OPEN_METRICS, heads });
  if (scan.truncated) {
    return { ok: false, failure: { reason: 'Truncated', message: 'the page ends in the middle of a line' } };
  }
  if (scan.capped) {
    return { ok: false, failure: { reason: 'TooLarge', message: 'the page has too many series of the wanted names' } };
  }
  return { ok: true, scan, receivedAtMs: nowMs + page.tookMs };
}

/** What to say about lines that could not be read; undefined when all could. */
export function badLineNote({ badLines, firstBadLine }: Scan): string | undefined {
  if (badLines === 0) return undefined;
  return `${badLines === 1 ? '1 line' : `${badLines} lines`} could not be read (the first is line ${firstBadLine})`;
}
