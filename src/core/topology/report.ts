/** One endpoint in one load report (Envoy LRS, one interval, one sidecar). */
export type EndpointReport = {
  readonly address: string;
  readonly port: number;
  /** Streams open at the end of the interval. */
  readonly inProgress: number;
  /** Requests started in the interval. */
  readonly issued: number;
  /** Responses whose headers came in the interval (facts/envoy-live.md item 12: headers, not end). */
  readonly succeeded: number;
  readonly errors: number;
  /** What the endpoint's answers said of its load (ORCA), where the policy asks for it; absent when none did. */
  readonly orca?: readonly OrcaMean[];
};

export type OrcaMetric = 'kvUsageRatio' | 'waitingRequests';

/**
 * The mean of one metric over the answers of an interval. Each was taken when a response's headers were written: with vLLM
 * at the end of an answer that is not streamed, elsewhere before the load of that stream exists. So it says how full the
 * engine was while answers came, and nothing about an interval without answers.
 */
export type OrcaMean = {
  readonly metric: OrcaMetric;
  readonly mean: number;
  /** Answers that carried it, at least 1. */
  readonly answers: number;
};

export type LoadReport = {
  readonly nodeId: string;
  readonly receivedAtMs: number;
  readonly intervalMs: number;
  /** Envoy 1.36 leaves out endpoints that only have long streams: absent then means "unchanged", not zero. */
  readonly absentMeansIdle: boolean;
  readonly clusters: readonly { readonly cluster: string; readonly endpoints: readonly EndpointReport[] }[];
};

/** Requests that one sidecar has open at this moment, by model service and endpoint; those without any are left out. */
export type OpenRequests = readonly {
  readonly cluster: string;
  readonly endpoints: readonly { readonly address: string; readonly port: number; readonly requests: number }[];
}[];

/** What happened to resources on their way to one node. Comes back through the inbox. */
export type Delivery = {
  readonly nodeId: string;
  readonly typeUrl: string;
  readonly kind: 'Sent' | 'Acked' | 'Nacked';
  /** Name and version of each resource of the response; a removal has version ''. */
  readonly resources: readonly { readonly name: string; readonly version: string }[];
  readonly atMs: number;
  /** Milliseconds from send to answer; absent on `Sent`. */
  readonly latencyMs?: number;
  /** Envoy's text, on `Nacked`. */
  readonly message?: string;
  /** Of `resources`, those at fault; on `Nacked`, empty while they are sought. */
  readonly culprits?: readonly Culprit[];
};

/** A resource that an Envoy refused, and the policy text that asks for it: `chat.yaml:12:3`, at a revision. */
export type Culprit = { readonly name: string; readonly origin?: string; readonly revision?: string };

export type NodePresence = {
  readonly nodeId: string;
  readonly group: string;
  readonly kind: 'Connected' | 'Disconnected';
  readonly atMs: number;
  /** `1.40.0`, or '' when the node does not say. */
  readonly envoyVersion: string;
  /** `node.locality.zone`; absent when it does not say. */
  readonly zone?: string;
};
