import type { Labels } from './exposition-cursor.ts';
import type { Series } from './exposition-line.ts';
import type { DeviceLabels } from './formats/gpu-format.ts';
import { DEVICE_LABELS } from './formats/gpu-formats.ts';

/** Whom a GPU series is about. */
export type GpuLabels = {
  /** `GPU-…`, `GPU-…/2` for MIG instance 2. */
  readonly gpu: string;
  readonly uuid: string;
  readonly instance?: string;
  readonly pod?: string;
  readonly namespace?: string;
  readonly node?: string;
  /** Of the exporter, where GPUs are joined by it. */
  readonly address?: string;
};

const UUID = /^[A-Za-z0-9._:-]{1,128}$/;
const INDEX = /^\d{1,4}$/;
const INSTANCE = /^[A-Za-z0-9_-]{1,16}$/;
/** Kubernetes names, with room to spare. Anything else in a label is noise, and noise stays out of logs. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/**
 * Reads the labels of a series as its format has them. With `exported` the labels that Prometheus renamed
 * (`honor_labels: false`) are the GPU's, and the plain ones are those of the exporter's own pod.
 *
 * @returns undefined when no device can be made out.
 */
export function gpuLabels({ name, labels }: Series, exported: boolean): GpuLabels | undefined {
  const device = DEVICE_LABELS.get(name);
  return device === undefined ? undefined : deviceOf(labels, device, exported);
}

export function deviceOf(labels: Labels, device: DeviceLabels, exported: boolean): GpuLabels | undefined {
  const uuid = uuidOf(labels, device);
  if (uuid === undefined) return undefined;
  const instance = isWhole(labels, device) ? undefined : first(INSTANCE, labels, device.instance);
  const pod = first(NAME, labels, exported ? renamed(device.pod) : device.pod);
  const namespace = first(NAME, labels, exported ? renamed(device.namespace) : device.namespace);
  const node = first(NAME, labels, device.node);
  return {
    uuid,
    gpu: instance === undefined ? uuid : `${uuid}/${instance}`,
    ...(instance === undefined ? {} : { instance }),
    ...(pod === undefined ? {} : { pod }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(node === undefined ? {} : { node }),
  };
}

/** nvidia_gpu_exporter leaves the `GPU-` off; a page without UUIDs still tells its devices apart by index. */
function uuidOf(labels: Labels, { uuid: names, prefix = '', index: indices }: DeviceLabels): string | undefined {
  const uuid = first(UUID, labels, names);
  if (uuid !== undefined) return uuid.startsWith(prefix) || uuid.startsWith('MIG-') ? uuid : `${prefix}${uuid}`;
  const index = first(INDEX, labels, indices);
  return index === undefined ? undefined : `index-${index}`;
}

function isWhole(labels: Labels, { whole }: DeviceLabels): boolean {
  return whole?.values.includes((labels.get(whole.label) ?? '').toLowerCase()) ?? false;
}

/** Prometheus renames a label only where one of its own has the same name: `pod` and `namespace`, not `pod_name`. */
function renamed(names: readonly string[] = []): readonly string[] {
  return names.map((name) => (name === 'pod' || name === 'namespace' ? `exported_${name}` : name));
}

function first(pattern: RegExp, labels: Labels, names: readonly string[] = []): string | undefined {
  for (const name of names) {
    const value = labels.get(name);
    if (value !== undefined && pattern.test(value)) return value;
  }
  return undefined;
}
