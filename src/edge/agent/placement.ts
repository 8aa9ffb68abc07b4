import type { Sample, Subject } from '../../core/topology/index.ts';

/** An endpoint beside this agent, and the GPUs that are its own; absent: those that no other endpoint names. */
export type AgentEndpoint = {
  readonly address: string;
  readonly port: number;
  readonly gpus?: readonly string[];
};

export type PlacementOptions = {
  readonly node?: string;
  readonly pod?: string;
  readonly endpoints: readonly AgentEndpoint[];
};

/**
 * Says whom the values of a GPU are about. Sources know a device; which server runs on it only the operator knows, as
 * endpoints with their GPUs, or as the one endpoint, pod or node that the machine has.
 */
export class Placement {
  readonly #about: Subject;
  readonly #owners: ReadonlyMap<string, Subject>;
  readonly #rest: Subject | undefined;

  constructor({ node, pod, endpoints }: PlacementOptions) {
    this.#about = { ...(node === undefined ? {} : { node }), ...(pod === undefined ? {} : { pod }) };
    this.#owners = new Map(
      endpoints.flatMap(({ address, port, gpus = [] }) => gpus.map((gpu) => [gpu, { address, port }] as const)),
    );
    const others = endpoints.filter(({ gpus }) => gpus === undefined);
    const [first] = others;
    this.#rest = others.length === 1 && first !== undefined ? { address: first.address, port: first.port } : undefined;
  }

  /** The sample with its subject; undefined for a GPU that is nobody's. Values of engines are about their address already. */
  place(sample: Sample): Sample | undefined {
    const { gpu } = sample.subject;
    if (gpu === undefined) return sample;
    const owner = this.#owners.get(gpu) ?? this.#owners.get(gpu.split('/', 1)[0] as string) ?? this.#rest;
    const subject = { ...this.#about, ...sample.subject, ...owner };
    const known = subject.address ?? subject.pod ?? subject.node;
    return known === undefined || (owner === undefined && this.#owners.size > 0) ? undefined : { ...sample, subject };
  }
}
