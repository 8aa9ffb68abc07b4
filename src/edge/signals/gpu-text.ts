import { scanExposition } from './exposition.ts';
import { badLineNote } from './exposition-page.ts';
import { GPU_NAMES } from './formats/gpu-formats.ts';
import { gpuLabels } from './gpu-labels.ts';
import { gpuReadings } from './gpu-readings.ts';
import { readNvidiaSmi } from './nvidia-smi/read-nvidia-smi.ts';
import type { Reading, Readings, Refusal } from './reading.ts';
import type { Failure } from './signal-source.ts';

export type ReadGpus = {
  readonly readings: readonly Reading[];
  readonly refusals: readonly Refusal[];
  readonly conflicts?: readonly Reading[];
  readonly badLines: number;
  readonly note?: string;
};

export type GpuText = ({ readonly ok: true } & ReadGpus) | { readonly ok: false; readonly failure: Failure };

/** A comment, or a name with labels or a value: no head of a CSV and no complaint of nvidia-smi begins like that. */
const EXPOSITION = /^(?:#|[A-Za-z_:][\w:]*(?:\{|[ \t]+[-+.\dNI]))/;

/**
 * Reads GPUs from text whose kind only its content tells: an exposition page (as exporters and textfile collectors write
 * it), or CSV or XML of nvidia-smi. Text that does not end with a line's end was cut, and is refused as a whole: a number
 * that lacks its last digit looks like a number.
 */
export function readGpuText(text: string): GpuText {
  const first = text.trimStart();
  if (first !== '' && !text.endsWith('\n')) return bad('Truncated', 'it ends in the middle of a line');
  return EXPOSITION.test(first) ? readPage(text) : readOutput(text);
}

function readPage(text: string): GpuText {
  const scan = scanExposition(text, { wanted: GPU_NAMES, openMetrics: false });
  if (scan.capped) return bad('TooLarge', 'it has too many series of the wanted names');
  const read = gpuReadings(scan.series, (series) => gpuLabels(series, false));
  return checked(read, scan.badLines, badLineNote(scan));
}

function readOutput(text: string): GpuText {
  const read = readNvidiaSmi(text);
  if (read.ok) return checked(read, 0);
  return bad('NoMetrics', `line ${read.fault.line}: ${read.fault.message}`);
}

function checked({ readings, refusals, conflicts }: Readings, badLines: number, note?: string): GpuText {
  if (readings.length === 0 && refusals.length === 0) return bad('NoMetrics', 'it has no known GPU metric');
  return {
    ok: true,
    readings,
    refusals,
    badLines,
    ...(conflicts === undefined ? {} : { conflicts }),
    ...(note === undefined ? {} : { note }),
  };
}

function bad(reason: Failure['reason'], message: string): GpuText {
  return { ok: false, failure: { reason, message } };
}
