import type { Resource } from '../resources/index.ts';

/** `Delta` is the incremental protocol, `Sotw` state of the world. */
export type Variant = 'Delta' | 'Sotw';

/** What both variants' requests say. */
type Request = {
  /** Nonce of the response that this request answers; '' when it answers none. */
  readonly nonce: string;
  /** Its presence, nothing else, makes the request a NACK. */
  readonly errorDetail?: { readonly message: string };
};

/** What the machine needs of an `envoy.service.discovery.v3.DeltaDiscoveryRequest`. */
export type DeltaRequest = Request & {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: Readonly<Record<string, string>>;
};

/** What the machine needs of an `envoy.service.discovery.v3.DiscoveryRequest`. */
export type SotwRequest = Request & {
  /** Always the full set. */
  readonly names: readonly string[];
  /** `version_info` of the last response that the client took, '' before the first. */
  readonly version: string;
};

export type Versioned = { readonly name: string; readonly version: string };

/** What a request meant: an answer to a response of ours, or something the client said of its own accord. */
export type Answer =
  | { readonly kind: 'Spontaneous' }
  /** State of the world: it answers a response that is not the newest, and says nothing about names. */
  | { readonly kind: 'Stale' }
  | {
      readonly kind: 'Acked';
      readonly resources: readonly Versioned[];
      readonly removed: readonly string[];
      readonly latencyMs: number;
    }
  | {
      readonly kind: 'Nacked';
      readonly resources: readonly Versioned[];
      readonly removed: readonly string[];
      readonly latencyMs: number;
      readonly message: string;
      /** The resources at fault, where the text or the size of the response tells. */
      readonly culprits: readonly Resource[];
    };

/** One response to be sent. */
export type Outgoing = {
  readonly typeUrl: string;
  /** What travels, sorted by name; in state of the world this may be the full set. */
  readonly resources: readonly Resource[];
  /** Delta only: TTL resources whose name, version and TTL travel without a body. */
  readonly heartbeats: readonly Resource[];
  /** Delta only: names that are told to be absent. */
  readonly removed: readonly string[];
  /** `version_info` of a state-of-the-world response; '' in delta. */
  readonly version: string;
  /** Of `resources`, those that the client does not have in this version, or is to get again. */
  readonly changed: readonly Resource[];
  /** Names that the client has and loses by this response. */
  readonly dropped: readonly string[];
  /** Part of the search for what was refused. */
  readonly trial: boolean;
};

/** A response that carries and tells nothing, for what differs from it in one or two fields. */
export const EMPTY_RESPONSE: Omit<Outgoing, 'typeUrl'> = {
  resources: [],
  heartbeats: [],
  removed: [],
  version: '',
  changed: [],
  dropped: [],
  trial: false,
};

/** What a client refused. */
export type Refusal = {
  readonly typeUrl: string;
  readonly name: string;
  /** Version that is never sent again; '' for a refused removal. */
  readonly version: string;
  readonly message: string;
  readonly atMs: number;
  /** What the client has instead, where it is known. */
  readonly lastGood?: Resource;
};
