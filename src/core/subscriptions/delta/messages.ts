import type { Resource } from '../../resources/index.ts';

/** What the machine needs of an `envoy.service.discovery.v3.DeltaDiscoveryRequest`. */
export type DeltaRequest = {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  readonly initialVersions: Readonly<Record<string, string>>;
  /** Nonce of the response that this request answers; '' when it answers none. */
  readonly nonce: string;
  readonly errorDetail?: { readonly message: string };
};

export type Versioned = { readonly name: string; readonly version: string };

/** What a request meant: an answer to a response of ours, or something the client said of its own accord. */
export type Answer =
  | { readonly kind: 'Spontaneous' }
  | { readonly kind: 'Acked'; readonly resources: readonly Versioned[]; readonly latencyMs: number }
  | {
      readonly kind: 'Nacked';
      readonly resources: readonly Versioned[];
      readonly latencyMs: number;
      readonly message: string;
      /** The resource at fault, where the text or the size of the response tells. */
      readonly culprit?: string;
    };

export type Phase = 'Upsert' | 'Remove';

/** One response to be sent. */
export type Outgoing = {
  readonly resources: readonly Resource[];
  readonly heartbeats: readonly Resource[];
  readonly removed: readonly string[];
};
