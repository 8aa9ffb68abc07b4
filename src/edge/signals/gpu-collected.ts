import type { Sample, Subject } from '../../core/topology/index.ts';
import type { ReadGpus } from './gpu-text.ts';
import type { Reading } from './reading.ts';
import type { SeriesMemory } from './series-memory.ts';
import type { Collected } from './signal-source.ts';

/** What GPUs said, dated and about the endpoint that their source belongs to; the device, pod and node are their own. */
export function gpuCollected(
  { readings, refusals, conflicts = [], badLines, note }: ReadGpus,
  about: Subject,
  memory: SeriesMemory,
  takenAtMs: number,
): Collected {
  const samples: Sample[] = [];
  for (const reading of [...readings, ...conflicts]) {
    const sample = memory.sample(reading, subjectOf(about, reading), takenAtMs);
    if (sample !== undefined) samples.push(sample);
  }
  const result = { samples, refusals, badLines, ...(note === undefined ? {} : { note }) };
  if (readings.length > 0) return result;
  return { ...result, failure: { reason: 'Refused', message: 'every GPU metric was refused' } };
}

function subjectOf(about: Subject, { gpu, pod, node }: Reading): Subject {
  return {
    ...about,
    ...(gpu === undefined ? {} : { gpu }),
    ...(pod === undefined ? {} : { pod }),
    ...(node === undefined ? {} : { node }),
  };
}
