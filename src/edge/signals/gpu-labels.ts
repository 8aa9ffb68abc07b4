import type { Labels } from './exposition-cursor.ts';

/** Whom a GPU series is about. */
export type GpuLabels = {
  /** `GPU-…`, `GPU-…/2` for MIG instance 2. */
  readonly gpu: string;
  readonly uuid: string;
  readonly instance?: string;
  readonly pod?: string;
  readonly namespace?: string;
  readonly node?: string;
};

const UUID = /^[A-Za-z0-9._:-]{1,128}$/;
const INSTANCE = /^[A-Za-z0-9_-]{1,16}$/;
/** Kubernetes names, with room to spare. Anything else in a label is noise, and noise stays out of logs. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/**
 * Reads dcgm-exporter's labels and nvidia_gpu_exporter's. With `exported` the labels that Prometheus renamed
 * (`honor_labels: false`) are the GPU's, and the plain ones are those of the exporter's own pod.
 *
 * @returns undefined when no device can be made out.
 */
export function gpuLabels(labels: Labels, exported: boolean): GpuLabels | undefined {
  const uuid = uuidOf(labels);
  if (uuid === undefined) return undefined;
  const instance = match(INSTANCE, labels.get('GPU_I_ID') ?? labels.get('gpu_instance_id'));
  const pod = match(NAME, exported ? labels.get('exported_pod') : (labels.get('pod') ?? labels.get('pod_name')));
  const namespace = match(
    NAME,
    exported ? labels.get('exported_namespace') : (labels.get('namespace') ?? labels.get('pod_namespace')),
  );
  const node = match(NAME, labels.get('Hostname') ?? labels.get('hostname') ?? labels.get('node'));
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
function uuidOf(labels: Labels): string | undefined {
  const uuid = match(UUID, labels.get('UUID') ?? labels.get('uuid'));
  if (uuid !== undefined) return /^(?:GPU|MIG)-/.test(uuid) ? uuid : `GPU-${uuid}`;
  const index = match(/^\d{1,4}$/, labels.get('gpu'));
  return index === undefined ? undefined : `index-${index}`;
}

function match(pattern: RegExp, value: string | undefined): string | undefined {
  return value !== undefined && pattern.test(value) ? value : undefined;
}
