import type { Sample } from '../../../core/topology/index.ts';
import { readDatedFile } from '../dated-file.ts';
import { engineFailure, namedFormat, readEnginePage } from '../engine-page.ts';
import { recogniseEngine } from '../engine-recognition.ts';
import { scanExposition } from '../exposition.ts';
import { badLineNote } from '../exposition-page.ts';
import type { EngineFormat } from '../formats/engine-format.ts';
import { wantedNames } from '../formats/engine-formats.ts';
import { SeriesMemory } from '../series-memory.ts';
import { type Collected, failed, type SignalSource } from '../signal-source.ts';
import type { EngineFileTarget } from '../target.ts';

/** The text page of one engine in a file of this machine. Samples are about the endpoint's serving address. */
export class EngineFileSource implements SignalSource {
  readonly #target: EngineFileTarget;
  readonly #memory: SeriesMemory;
  readonly #wallClock: () => number;
  readonly #format: EngineFormat | undefined;

  constructor(target: EngineFileTarget, wallClock: () => number = Date.now) {
    this.#target = target;
    this.#memory = new SeriesMemory(target.source);
    this.#wallClock = wallClock;
    this.#format = namedFormat(target.format);
  }

  async collect(nowMs: number, _signal: AbortSignal): Promise<Collected> {
    const file = await readDatedFile(this.#target, this.#wallClock);
    if (!file.ok) return failed(file.failure.reason, file.failure.message);
    const scan = scanExposition(file.text, { wanted: wantedNames(this.#format, this.#target.buckets) });
    if (scan.truncated) return failed('Truncated', 'it ends in the middle of a line');
    if (scan.capped) return failed('TooLarge', 'it has too many series of the wanted names');
    const result = readEnginePage(scan.series, this.#format ?? recogniseEngine(scan.series));
    const { readings, refusals, conflicts = [] } = result;
    const failure = engineFailure(result, this.#format);
    const note = badLineNote(scan);
    const writtenAtMs = nowMs - file.ageMs;
    const samples: Sample[] = [];
    for (const one of [...readings, ...conflicts]) {
      // Read again before it is written again, it says nothing new.
      const reading = { ...one, timestampMs: Math.min(one.timestampMs ?? file.modifiedAtMs, file.modifiedAtMs) };
      const offsetMs = writtenAtMs - file.modifiedAtMs;
      const sample = this.#memory.sample(reading, this.#target.subject, writtenAtMs, offsetMs);
      if (sample !== undefined) samples.push(sample);
    }
    return {
      samples,
      refusals,
      badLines: scan.badLines,
      ...(note === undefined ? {} : { note }),
      ...(failure === undefined ? {} : { failure }),
    };
  }
}
