import type { Series } from '../exposition-line.ts';
import { NVIDIA_SMI_DEVICE, NVIDIA_SMI_FIELDS } from '../formats/nvidia-smi.ts';
import { deviceOf } from '../gpu-labels.ts';
import { gpuReadings, rowsByName } from '../gpu-readings.ts';
import type { Readings, Refusal } from '../reading.ts';
import { seriesOfCsv } from './csv-series.ts';
import { seriesOfXml } from './xml-series.ts';

/** Lines count from 1. The message says what was expected and what to do. */
export type NvidiaSmiFault = { readonly line: number; readonly message: string };

export type NvidiaSmiReadings =
  | ({ readonly ok: true } & Readings)
  | { readonly ok: false; readonly fault: NvidiaSmiFault };

/** What CSV and XML have in common: values under the names of `--query-gpu`, labelled with their device. */
export type NvidiaSmiSeries =
  | { readonly ok: true; readonly series: readonly Series[]; readonly refusals: readonly Refusal[] }
  | { readonly ok: false; readonly fault: NvidiaSmiFault };

export type NvidiaSmiOptions = {
  /** The fields that were asked for, where the output has no head (`noheader`). */
  readonly fields?: readonly string[];
};

const ROWS = rowsByName(NVIDIA_SMI_FIELDS.map(({ row }) => row));

/**
 * Reads what `nvidia-smi --query-gpu=… --format=csv` (with or without `noheader` and `nounits`) or `nvidia-smi -q -x`
 * printed. Values that nvidia-smi does not have are absent, and one that cannot be is refused alone; output that is
 * neither is a fault. NVIDIA does not promise that this output stays as it is: unknown columns and elements are passed
 * over, and a renamed one is missing, never wrong.
 */
export function readNvidiaSmi(text: string, options: NvidiaSmiOptions = {}): NvidiaSmiReadings {
  const said = faultOfOutput(text);
  if (said !== undefined) return { ok: false, fault: said };
  const read = text.trimStart().startsWith('<') ? seriesOfXml(text) : seriesOfCsv(text, options.fields);
  if (!read.ok) return read;
  const { readings, refusals } = gpuReadings(
    read.series,
    ({ labels }) => deviceOf(labels, NVIDIA_SMI_DEVICE, false),
    ROWS,
  );
  return { ok: true, readings, refusals: [...read.refusals, ...refusals] };
}

const TO_DO = 'run nvidia-smi -q -x, or nvidia-smi --query-gpu=uuid,utilization.gpu,… --format=csv';

/** What nvidia-smi prints instead of values: its complaints, and its output for people. */
function faultOfOutput(text: string): NvidiaSmiFault | undefined {
  const lines = text.split('\n', 10);
  const at = lines.findIndex((line) => line.trim() !== '');
  const first = lines[at]?.trim() ?? '';
  const fault = (message: string): NvidiaSmiFault => ({ line: Math.max(1, at + 1), message });
  if (first === '') return fault(`expected the output of nvidia-smi, got nothing: ${TO_DO}`);
  if (/^(?:NVIDIA-SMI has failed|No devices were found|Failed to initialize NVML|Unable to determine)/.test(first)) {
    return fault(`nvidia-smi found no GPU: ${JSON.stringify(first.slice(0, 120))}`);
  }
  const forPeople =
    /^={5,}NVSMI LOG/.test(first) || /^\+-{5,}/.test(first) || lines.some((line) => /^\| NVIDIA-SMI /.test(line));
  if (forPeople) return fault(`expected CSV or XML, got the output for people: ${TO_DO}`);
  return undefined;
}
