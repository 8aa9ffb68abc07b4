import type { Sample } from '../../../core/topology/index.ts';
import { engineReadings } from '../engine-readings.ts';
import { badLineNote, fetchExposition } from '../exposition-page.ts';
import { ENGINE_NAMES } from '../metric-table.ts';
import type { PageFetcher } from '../page-fetcher.ts';
import { SeriesMemory } from '../series-memory.ts';
import { type Collected, type Failure, failed, type SignalSource } from '../signal-source.ts';
import type { EngineTarget } from '../targets.ts';

/** The metrics page of one model server. Samples are about the endpoint's serving address. */
export class EngineSource implements SignalSource {
  readonly #target: EngineTarget;
  readonly #fetcher: PageFetcher;
  readonly #memory: SeriesMemory;

  constructor(target: EngineTarget, fetcher: PageFetcher) {
    this.#target = target;
    this.#fetcher = fetcher;
    this.#memory = new SeriesMemory(target.source);
  }

  async collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    const page = await fetchExposition(this.#fetcher, this.#target.url, ENGINE_NAMES, nowMs, signal);
    if (!page.ok) return failed(page.failure.reason, page.failure.message);
    const { readings, refusals } = engineReadings(page.scan.series);
    const { subject } = this.#target;
    const samples: Sample[] = [];
    for (const reading of readings) {
      const sample = this.#memory.sample(reading, subject, page.receivedAtMs);
      if (sample !== undefined) samples.push(sample);
    }
    const failure = failureOf(
      readings.some(({ metric }) => metric !== 'processStartTimeSeconds'),
      refusals.length,
    );
    const note = badLineNote(page.scan);
    return {
      samples,
      refusals,
      badLines: page.scan.badLines,
      ...(note === undefined ? {} : { note }),
      ...(failure === undefined ? {} : { failure }),
    };
  }
}

/** A page without engine metrics is no idle engine: vLLM answers 200 without them when its statistics are off. */
function failureOf(anyLoad: boolean, refusals: number): Failure | undefined {
  if (anyLoad) return undefined;
  return refusals > 0
    ? { reason: 'Refused', message: 'every engine metric was refused' }
    : { reason: 'NoMetrics', message: 'the page has no known engine metric' };
}
