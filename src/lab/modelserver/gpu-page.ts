import { ExpositionPage, labelText } from './exposition.ts';
import type { GpuReading } from './gpu-meter.ts';
import type { ServerProfile } from './server-profile.ts';

const MIB = 1024 * 1024;

type Row = {
  readonly read: (reading: GpuReading) => number;
  readonly type: 'gauge' | 'counter';
  /** Name, help text and printed value of dcgm-exporter up to 4.8.4; absent where it ships no such field. */
  readonly first?: readonly [name: string, help: string, print: (value: number) => string];
  readonly second: readonly [name: string, help: string, print: (value: number) => string];
};

const integer = (value: number): string => String(Math.round(value));
const real = (value: number): string => value.toFixed(6);
const percent = (value: number): string => integer(value * 100);
const mib = (value: number): string => integer(value / MIB);
const megahertz = (value: number): string => integer(value / 1_000_000);

/**
 * The default fields of both generations as one table, so that both pages tell the same truth: the reading is in base
 * units and each column prints it in its own. Source: dcgm-exporter's etc/default-counters.csv for the first; DCGM 4.7's
 * field identifiers for the second.
 */
const ROWS: readonly Row[] = [
  {
    read: (gpu) => gpu.smClockHertz,
    type: 'gauge',
    first: ['DCGM_FI_DEV_SM_CLOCK', 'SM clock frequency (in MHz).', megahertz],
    second: ['DCGM_FI_DEV_SM_CLOCK_HERTZ', 'SM clock frequency (in Hz).', integer],
  },
  {
    read: (gpu) => gpu.memoryClockHertz,
    type: 'gauge',
    first: ['DCGM_FI_DEV_MEM_CLOCK', 'Memory clock frequency (in MHz).', megahertz],
    second: ['DCGM_FI_DEV_MEMORY_CLOCK_HERTZ', 'Memory clock frequency (in Hz).', integer],
  },
  {
    read: (gpu) => gpu.memoryCelsius,
    type: 'gauge',
    first: ['DCGM_FI_DEV_MEMORY_TEMP', 'Memory temperature (in C).', integer],
    second: ['DCGM_FI_DEV_MEMORY_TEMP_CELSIUS', 'Memory temperature (in C).', integer],
  },
  {
    read: (gpu) => gpu.gpuCelsius,
    type: 'gauge',
    first: ['DCGM_FI_DEV_GPU_TEMP', 'GPU temperature (in C).', integer],
    second: ['DCGM_FI_DEV_GPU_TEMP_CELSIUS', 'GPU temperature (in C).', integer],
  },
  {
    read: (gpu) => gpu.powerWatts,
    type: 'gauge',
    first: ['DCGM_FI_DEV_POWER_USAGE', 'Power draw (in W).', real],
    second: ['DCGM_FI_DEV_BOARD_POWER_WATTS', 'Power draw (in W).', real],
  },
  {
    read: (gpu) => gpu.energyJoules,
    type: 'counter',
    first: [
      'DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION',
      'Total energy consumption since boot (in mJ).',
      (joules) => integer(joules * 1000),
    ],
    second: ['DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL', 'Total energy consumption since boot (in J).', real],
  },
  {
    read: (gpu) => gpu.utilRatio,
    type: 'gauge',
    first: ['DCGM_FI_DEV_GPU_UTIL', 'GPU utilization (in %).', percent],
    second: ['DCGM_FI_DEV_GPU_UTIL_RATIO', 'GPU utilization (0 to 1).', real],
  },
  {
    read: (gpu) => gpu.memoryBusyRatio,
    type: 'gauge',
    first: ['DCGM_FI_DEV_MEM_COPY_UTIL', 'Memory utilization (in %).', percent],
    second: ['DCGM_FI_DEV_MEMORY_UTIL_RATIO', 'Memory utilization (0 to 1).', real],
  },
  {
    read: (gpu) => gpu.freeBytes,
    type: 'gauge',
    first: ['DCGM_FI_DEV_FB_FREE', 'Framebuffer memory free (in MiB).', mib],
    second: ['DCGM_FI_DEV_FB_FREE_BYTES', 'Framebuffer memory free (in bytes).', integer],
  },
  {
    read: (gpu) => gpu.usedBytes,
    type: 'gauge',
    first: ['DCGM_FI_DEV_FB_USED', 'Framebuffer memory used (in MiB).', mib],
    second: ['DCGM_FI_DEV_FB_USED_BYTES', 'Framebuffer memory used (in bytes).', integer],
  },
  {
    read: (gpu) => gpu.usedBytes + gpu.freeBytes,
    type: 'gauge',
    second: ['DCGM_FI_DEV_FB_CAPACITY_BYTES', 'Framebuffer memory capacity (in bytes).', integer],
  },
  {
    read: (gpu) => gpu.utilRatio,
    type: 'gauge',
    first: ['DCGM_FI_PROF_GR_ENGINE_ACTIVE', 'Ratio of time the graphics engine is active.', real],
    second: ['DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO', 'Ratio of time the graphics engine is active.', real],
  },
  {
    read: (gpu) => gpu.tensorActiveRatio,
    type: 'gauge',
    first: ['DCGM_FI_PROF_PIPE_TENSOR_ACTIVE', 'Ratio of cycles the tensor (HMMA) pipe is active.', real],
    second: ['DCGM_FI_PROF_TENSOR_UTIL_RATIO', 'Ratio of cycles the tensor (HMMA) pipe is active.', real],
  },
  {
    read: (gpu) => gpu.memoryBusyRatio,
    type: 'gauge',
    first: ['DCGM_FI_PROF_DRAM_ACTIVE', 'Ratio of cycles the device memory interface is active.', real],
    second: ['DCGM_FI_PROF_DRAM_UTIL_RATIO', 'Ratio of cycles the device memory interface is active.', real],
  },
];

/** What names the GPU of server `index`; the same for every start, so that dashboards keep their series. */
export type GpuIdentity = { readonly uuid: string; readonly node: string; readonly pod: string };

export function gpuIdentity(index: number): GpuIdentity {
  return {
    uuid: `GPU-4c4f4144-4c49-4e45-0000-${index.toString(16).padStart(12, '0')}`,
    node: `lab-node-${index}`,
    pod: `modelserver-${index}`,
  };
}

/** What a GPU tells of itself when something is wrong with it. */
export type GpuTrouble = { readonly xid: number; readonly throttled: boolean };

/** NVML's bit of a hardware thermal slowdown among the clocks event reasons. */
const HW_THERMAL = 0x40;

/** A whole page of dcgm-exporter, labels in its template's order. One GPU: each server stands on its own node. */
export function gpuPage(
  profile: ServerProfile,
  identity: GpuIdentity,
  reading: GpuReading,
  trouble: GpuTrouble = { xid: 0, throttled: false },
): string {
  const base = {
    gpu: '0',
    UUID: identity.uuid,
    pci_bus_id: '00000000:18:00.0',
    device: 'nvidia0',
    modelName: profile.gpuModel,
    // Renamed in 4.8.3, so most pages of the first generation have the capital.
    [profile.dcgm === 1 ? 'Hostname' : 'hostname']: identity.node,
    DCGM_FI_DRIVER_VERSION: '580.159.03',
    container: 'vllm',
    namespace: 'lab',
    pod: identity.pod,
  };
  const labels = labelText(base);
  const page = new ExpositionPage();
  for (const row of ROWS) {
    const column = profile.dcgm === 1 ? row.first : row.second;
    if (column === undefined) continue;
    const [name, help, print] = column;
    page.family(name, row.type, help).sample(name, labels, print(row.read(reading)));
  }
  const reasons = 'DCGM_FI_DEV_CLOCKS_EVENT_REASONS';
  page
    .family(reasons, 'gauge', 'Current clock event reasons (bitmask).')
    .sample(reasons, labels, trouble.throttled ? String(HW_THERMAL) : '0');
  const xid = profile.dcgm === 1 ? 'DCGM_FI_DEV_XID_ERRORS' : 'DCGM_FI_DEV_XID_ERROR';
  const code = String(trouble.xid);
  const said = labelText({ ...base, err_code: code, err_msg: trouble.xid === 0 ? 'No Error' : `Xid ${code}` });
  page.family(xid, 'gauge', 'Value of the last XID error encountered.').sample(xid, said, code);
  return page.toString();
}
