import { ALL_SMI } from './all-smi.ts';
import { AMD } from './amd.ts';
import { ASCEND } from './ascend.ts';
import { DCGM, DCGM_RENAMED } from './dcgm.ts';
import { GAUDI } from './gaudi.ts';
import type { DeviceLabels, GpuFormat } from './gpu-format.ts';
import { NVIDIA_GPU_EXPORTER } from './nvidia-gpu-exporter.ts';
import type { MetricRow } from './row.ts';
import { TRITON_GPU } from './triton.ts';

/** Where two names make one metric of one device, the format that stands first here counts. */
export const GPU_FORMATS: readonly GpuFormat[] = [
  DCGM,
  DCGM_RENAMED,
  NVIDIA_GPU_EXPORTER,
  TRITON_GPU,
  AMD,
  GAUDI,
  ASCEND,
  ALL_SMI,
];

/** No name belongs to two formats, so that a page needs no recognising. */
export const GPU_ROWS: readonly MetricRow[] = GPU_FORMATS.flatMap(({ rows }) => rows);

export const GPU_NAMES: ReadonlySet<string> = new Set(GPU_ROWS.map(({ name }) => name));

/** The labels by which the device of a name is told. */
export const DEVICE_LABELS: ReadonlyMap<string, DeviceLabels> = new Map(
  GPU_FORMATS.flatMap(({ rows, device }) => rows.map(({ name }) => [name, device] as const)),
);
