import type { EngineFormatName, Signals } from '../../core/policy/index.ts';
import type { Subject } from '../../core/topology/index.ts';
import { shownUrl } from './source-name.ts';

type Common = {
  /** Same key, same source: it goes on running through a change of policy. */
  readonly key: string;
  /** For people: kind and URL, without credentials. */
  readonly source: string;
  readonly service: string;
  readonly pool: string;
  readonly url: string;
  readonly intervalMs: number;
};

type Place = { readonly address: string; readonly port: number };

export type EngineTarget = Common & {
  readonly kind: 'Engine';
  readonly subject: Place;
  /** Absent: each page tells. */
  readonly format?: EngineFormatName;
  /** The buckets of its histograms are wanted as well. */
  readonly buckets?: true;
};

/** An endpoint as a Prometheus server may know its engine. */
export type EngineEndpoint = {
  readonly subject: Place;
  /** Values of the label `instance` that mean it and nobody else, the most certain first. */
  readonly instances: readonly string[];
  readonly pod?: string;
  /** Pods of other namespaces are not it. */
  readonly namespace?: string;
};

/** The engines of one pool, from a Prometheus server. */
export type EnginePrometheusTarget = Common & {
  readonly kind: 'EnginePrometheus';
  readonly endpoints: readonly EngineEndpoint[];
  readonly format?: EngineFormatName;
};

/** The page of one engine in a file of this machine that something else writes. */
export type EngineFileTarget = Common & {
  readonly kind: 'EngineFile';
  readonly path: string;
  readonly maxAgeMs: number;
  readonly subject: Place;
  readonly format?: EngineFormatName;
  readonly buckets?: true;
};

export type ExporterTarget = Common & {
  readonly kind: 'Exporter';
  /** The endpoint's serving port; absent where several servers, of whatever pools, share the exporter. */
  readonly subject: { readonly address?: string; readonly port?: number };
};

/** The GPUs of one pool, from a Prometheus server. */
export type PrometheusTarget = Common & {
  readonly kind: 'Prometheus';
  readonly joinBy: NonNullable<Signals['gpu']>['joinBy'];
  /** Pods of other namespaces are not the pool's. */
  readonly namespace?: string;
};

/** GPU metrics in a file of this machine that something else writes. */
export type FileTarget = Common & {
  readonly kind: 'File';
  readonly path: string;
  readonly maxAgeMs: number;
  /** Empty where endpoints of several addresses share the file: its labels tell then. */
  readonly subject: { readonly address?: string; readonly port?: number };
};

/** The program nvidia-smi of this machine; agents have it, no policy asks for it. */
export type NvidiaSmiTarget = Common & {
  readonly kind: 'NvidiaSmi';
  readonly path: string;
  readonly subject: Subject;
};

/** One thing to read periodically. */
export type Target =
  | EngineTarget
  | EnginePrometheusTarget
  | EngineFileTarget
  | ExporterTarget
  | PrometheusTarget
  | FileTarget
  | NvidiaSmiTarget;

/** `about`: what else makes it another target than one of the same URL. */
export function commonParts(
  kind: string,
  service: string,
  pool: string,
  url: string,
  intervalMs: number,
  about: unknown,
): Common {
  return {
    key: JSON.stringify([kind, service, pool, url, intervalMs, about]),
    source: `${kind} ${shownUrl(url)}`,
    service,
    pool,
    url,
    intervalMs,
  };
}

/** A path prefix and a query string of the policy's URL stay. What is no URL is left for the fetcher to complain about. */
export function queryUrl(base: string): string {
  if (!URL.canParse(base)) return base;
  const url = new URL(base);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/query`;
  return url.href;
}

/** The file that a pattern of the policy means for an endpoint. */
export function filledPath(pattern: string, { address, port }: Place): string {
  return pattern.replaceAll('{address}', address).replaceAll('{port}', String(port));
}
