import type { OrcaMetric } from '../topology/index.ts';

/** How Envoy calls a named metric, in the cluster's list and in its reports. */
const NAMED = 'named_metrics.';

/**
 * The ORCA metrics that Envoy is asked to report, by the names of the engines that send them. Only these: a wildcard would
 * let a server fill the reports with what it likes, and Envoy's unnamed ones (`cpu_utilization`) count answers that do not
 * carry them as 0 and come by locality alone, so they cannot be divided by anything.
 */
const METRICS: Readonly<Record<string, OrcaMetric>> = {
  // vLLM
  kv_cache_usage_perc: 'kvUsageRatio',
  num_requests_waiting: 'waitingRequests',
  // Triton with TensorRT-LLM
  kv_cache_utilization: 'kvUsageRatio',
};

/** For `Cluster.lrs_report_endpoint_metrics`. */
export const ORCA_METRIC_NAMES: readonly string[] = Object.keys(METRICS).map((name) => NAMED + name);

/** What a name in a load report means; undefined for one that was not asked for. */
export function orcaMetric(name: string): OrcaMetric | undefined {
  if (!name.startsWith(NAMED)) return undefined;
  const own = name.slice(NAMED.length);
  return Object.hasOwn(METRICS, own) ? METRICS[own] : undefined;
}
