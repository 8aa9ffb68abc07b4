import type { Sample, Subject } from '../../../core/topology/index.ts';
import { badLineNote, fetchExposition } from '../exposition-page.ts';
import { GPU_NAMES } from '../formats/gpu-formats.ts';
import { gpuLabels } from '../gpu-labels.ts';
import { gpuReadings } from '../gpu-readings.ts';
import type { PageFetcher } from '../page-fetcher.ts';
import type { Reading } from '../reading.ts';
import { SeriesMemory } from '../series-memory.ts';
import { type Collected, failed, type SignalSource } from '../signal-source.ts';
import type { ExporterTarget } from '../targets.ts';

/**
 * The page of one GPU exporter, read directly. Samples are about the endpoint that the exporter belongs to (its serving
 * port, not the exporter's); where several endpoints share an exporter the port is left out and pod, node and GPU tell.
 */
export class GpuSource implements SignalSource {
  readonly #target: ExporterTarget;
  readonly #fetcher: PageFetcher;
  readonly #memory: SeriesMemory;

  constructor(target: ExporterTarget, fetcher: PageFetcher) {
    this.#target = target;
    this.#fetcher = fetcher;
    this.#memory = new SeriesMemory(target.source);
  }

  async collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    const page = await fetchExposition(this.#fetcher, this.#target.url, GPU_NAMES, nowMs, signal);
    if (!page.ok) return failed(page.failure.reason, page.failure.message);
    const { readings, refusals } = gpuReadings(page.scan.series, (series) => gpuLabels(series, false));
    const samples: Sample[] = [];
    for (const reading of readings) {
      const sample = this.#memory.sample(reading, this.#subject(reading), page.receivedAtMs);
      if (sample !== undefined) samples.push(sample);
    }
    const note = badLineNote(page.scan);
    const result = { samples, refusals, badLines: page.scan.badLines, ...(note === undefined ? {} : { note }) };
    if (readings.length > 0) return result;
    return {
      ...result,
      failure:
        refusals.length > 0
          ? { reason: 'Refused', message: 'every GPU metric was refused' }
          : { reason: 'NoMetrics', message: 'the page has no known GPU metric' },
    };
  }

  #subject({ gpu, pod, node }: Reading): Subject {
    return {
      ...this.#target.subject,
      ...(gpu === undefined ? {} : { gpu }),
      ...(pod === undefined ? {} : { pod }),
      ...(node === undefined ? {} : { node }),
    };
  }
}
