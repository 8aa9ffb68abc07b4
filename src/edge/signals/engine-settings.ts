import { engineReadings } from './engine-readings.ts';
import type { Series } from './exposition-line.ts';
import type { EngineFormat } from './formats/engine-format.ts';
import { isRecord, parseJson } from './json-record.ts';
import type { PageFetcher } from './page-fetcher.ts';
import type { Readings } from './reading.ts';

/** A process never changes what it states; this is for one that was replaced between two pages without a gap. */
const READ_AGAIN_MS = 60_000;
const TEXT_PAGE = 'metrics';
const NOTHING: Stated = { readings: [], refusals: [] };

/** `note` says, for a person, why nothing is known. */
export type Stated = Readings & { readonly note?: string };

/**
 * What one engine states once, on a page of its own: read when it is met, after its metrics page failed (it may be another
 * process then) and once a minute. Not with each metrics page: the answer carries the whole chat template.
 */
export class EngineSettings {
  readonly #url: string;
  readonly #fetcher: PageFetcher;
  #stated = NOTHING;
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(url: string, fetcher: PageFetcher) {
    this.#url = url;
    this.#fetcher = fetcher;
  }

  forget(): void {
    this.#stated = NOTHING;
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }

  /** What is stated now; never rejects. A page that cannot be read holds what it said before. */
  async read(format: EngineFormat, nowMs: number, signal: AbortSignal): Promise<Stated> {
    const { settings } = format;
    const url = settings === undefined ? undefined : besideTextPage(this.#url, settings.segment);
    if (settings === undefined || url === undefined) return NOTHING;
    if (nowMs - this.#readAtMs < READ_AGAIN_MS) return this.#stated;
    this.#readAtMs = nowMs;
    const page = await this.#fetcher.get({ url, accept: 'application/json' }, signal);
    const document = page.ok ? parseJson(page.body.toString('utf8')) : undefined;
    if (isRecord(document)) {
      const { readings, refusals } = engineReadings(seriesOf(document), { rows: settings.rows, copies: [] });
      this.#stated = { readings, refusals };
    } else {
      const why = page.ok ? 'answered no JSON object' : page.failure.message;
      this.#stated = { ...this.#stated, note: `/${settings.segment} cannot be read: ${why}` };
    }
    return this.#stated;
  }
}

/** The URL with another last segment; undefined where the last one is not the usual, as then nobody knows what is beside it. */
function besideTextPage(text: string, segment: string): string | undefined {
  const url = new URL(text);
  if (!url.pathname.endsWith(`/${TEXT_PAGE}`)) return undefined;
  url.pathname = url.pathname.slice(0, -TEXT_PAGE.length) + segment;
  return url.href;
}

function seriesOf(document: Readonly<Record<string, unknown>>): readonly Series[] {
  return Object.entries(document).flatMap(([name, value]) =>
    typeof value === 'number' ? [{ name, labels: new Map(), value }] : [],
  );
}
