import { badLineNote, fetchExposition } from '../exposition-page.ts';
import { GPU_NAMES } from '../formats/gpu-formats.ts';
import { gpuCollected } from '../gpu-collected.ts';
import { gpuLabels } from '../gpu-labels.ts';
import { gpuReadings } from '../gpu-readings.ts';
import { LineHeads } from '../line-heads.ts';
import type { PageFetcher } from '../page-fetcher.ts';
import { SeriesMemory } from '../series-memory.ts';
import { type Collected, failed, type SignalSource } from '../signal-source.ts';
import type { ExporterTarget } from '../target.ts';

/**
 * The page of one GPU exporter, read directly. Samples are about the endpoint that the exporter belongs to (its serving
 * port, not the exporter's); where several endpoints share an exporter the port is left out and pod, node and GPU tell.
 */
export class GpuSource implements SignalSource {
  readonly #target: ExporterTarget;
  readonly #fetcher: PageFetcher;
  readonly #memory: SeriesMemory;
  readonly #heads = new LineHeads();

  constructor(target: ExporterTarget, fetcher: PageFetcher) {
    this.#target = target;
    this.#fetcher = fetcher;
    this.#memory = new SeriesMemory(target.source);
  }

  async collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    const page = await fetchExposition(this.#fetcher, this.#target.url, GPU_NAMES, nowMs, signal, this.#heads);
    if (!page.ok) return failed(page.failure.reason, page.failure.message);
    const { readings, refusals, conflicts } = gpuReadings(page.scan.series, (series) => gpuLabels(series, false));
    if (readings.length === 0 && refusals.length === 0) return failed('NoMetrics', 'the page has no known GPU metric');
    const note = badLineNote(page.scan);
    const read = {
      readings,
      refusals,
      badLines: page.scan.badLines,
      ...(conflicts === undefined ? {} : { conflicts }),
      ...(note === undefined ? {} : { note }),
    };
    return gpuCollected(read, this.#target.subject, this.#memory, page.receivedAtMs);
  }
}
