import type { EngineLoad } from './engine-event.ts';

/** The server's load in ORCA's words and vLLM's names; nothing for a format that was not asked for or is not known. */
export function orcaHeader(format: string, { kvRatio, waiting }: EngineLoad): Readonly<Record<string, string>> {
  const metrics = { kv_cache_usage_perc: kvRatio, num_requests_waiting: waiting };
  const words: Readonly<Record<string, () => string>> = {
    json: () => `JSON ${JSON.stringify({ named_metrics: metrics })}`,
    text: () =>
      `TEXT ${Object.entries(metrics)
        .map(([name, value]) => `named_metrics.${name}=${value}`)
        .join(', ')}`,
  };
  const asked = format.toLowerCase();
  const say = Object.hasOwn(words, asked) ? words[asked] : undefined;
  return say === undefined ? {} : { 'endpoint-load-metrics': say() };
}
