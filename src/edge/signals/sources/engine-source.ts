import type { Sample } from '../../../core/topology/index.ts';
import { readEngineJson } from '../engine-json.ts';
import { engineFailure, namedFormat, readEnginePage } from '../engine-page.ts';
import { type EngineReadings, engineReadings } from '../engine-readings.ts';
import { recogniseEngine } from '../engine-recognition.ts';
import { EngineSettings } from '../engine-settings.ts';
import { ACCEPT, badLineNote, scanPage } from '../exposition-page.ts';
import type { EngineFormat } from '../formats/engine-format.ts';
import { wantedNames } from '../formats/engine-formats.ts';
import { LineHeads } from '../line-heads.ts';
import type { Page, PageFetcher } from '../page-fetcher.ts';
import { SeriesMemory } from '../series-memory.ts';
import { type Collected, type Failure, failed, type SignalSource } from '../signal-source.ts';
import type { EngineTarget } from '../target.ts';

type AnsweredPage = Extract<Page, { ok: true }>;
type Read = {
  readonly format: EngineFormat | undefined;
  readonly result: EngineReadings;
  readonly receivedAtMs: number;
  readonly badLines: number;
  readonly note?: string;
};

/** The metrics page of one model server. Samples are about the endpoint's serving address. */
export class EngineSource implements SignalSource {
  readonly #target: EngineTarget;
  readonly #fetcher: PageFetcher;
  readonly #memory: SeriesMemory;
  readonly #heads = new LineHeads();
  readonly #settings: EngineSettings;
  /** What the policy says; undefined where each page tells. */
  readonly #format: EngineFormat | undefined;

  constructor(target: EngineTarget, fetcher: PageFetcher) {
    this.#target = target;
    this.#fetcher = fetcher;
    this.#memory = new SeriesMemory(target.source);
    this.#settings = new EngineSettings(target.url, fetcher);
    this.#format = namedFormat(target.format);
  }

  async collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    const read = await this.#read(nowMs, signal);
    const failure = 'reason' in read ? read : engineFailure(read.result, this.#format);
    // The next answer may come from another process.
    if (failure !== undefined) this.#settings.forget();
    if ('reason' in read) return failed(read.reason, read.message);
    const stated =
      read.format === undefined || failure !== undefined
        ? undefined
        : await this.#settings.read(read.format, nowMs, signal);
    const samples: Sample[] = [];
    const { readings, conflicts = [] } = read.result;
    for (const reading of [...readings, ...conflicts, ...(stated?.readings ?? [])]) {
      const sample = this.#memory.sample(reading, this.#target.subject, read.receivedAtMs);
      if (sample !== undefined) samples.push(sample);
    }
    const note = read.note ?? stated?.note;
    return {
      samples,
      refusals: [...read.result.refusals, ...(stated?.refusals ?? [])],
      badLines: read.badLines,
      ...(note === undefined ? {} : { note }),
      ...(failure === undefined ? {} : { failure }),
    };
  }

  async #read(nowMs: number, signal: AbortSignal): Promise<Read | Failure> {
    const page = await this.#fetcher.get({ url: this.#target.url, accept: ACCEPT, lent: true }, signal);
    if (!page.ok) return page.failure;
    return page.contentType === 'application/json' ? this.#readJson(page, nowMs) : this.#readText(page, nowMs);
  }

  #readText(page: AnsweredPage, nowMs: number): Read | Failure {
    const scanned = scanPage(page, wantedNames(this.#format, this.#target.buckets), nowMs, this.#heads);
    if (!scanned.ok) return scanned.failure;
    const { scan, receivedAtMs } = scanned;
    const format = this.#format ?? recogniseEngine(scan.series);
    const note = badLineNote(scan);
    return {
      format,
      result: readEnginePage(scan.series, format),
      receivedAtMs,
      badLines: scan.badLines,
      ...(note === undefined ? {} : { note }),
    };
  }

  #readJson(page: AnsweredPage, nowMs: number): Read | Failure {
    const answer = readEngineJson(page.body.toString('utf8'), this.#format);
    if (!answer.ok) return answer.failure;
    const { json, format, series } = answer;
    return {
      format,
      result: engineReadings(series, { rows: json.rows, copies: format.copies }),
      receivedAtMs: nowMs + page.tookMs,
      badLines: 0,
    };
  }
}
