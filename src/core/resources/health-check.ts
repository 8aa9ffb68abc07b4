import type { JsonObject } from '../../base/codec/index.ts';
import { protoDuration } from '../../base/units/index.ts';
import type { HealthCheck, ModelService } from '../policy/index.ts';

/** The first check of a server that came is not put off by more: until it has passed, the server gets no requests. */
const MAX_FIRST_JITTER_MS = 1000;
/** Up to so much longer an interval is, anew each time: a thousand sidecars that were told at once drift apart. */
const INTERVAL_JITTER_PERCENT = 25;

/** What a cluster has of active health checks; nothing without a policy of them. */
export function healthChecks(service: ModelService): JsonObject {
  const { healthCheck, upstream } = service;
  if (healthCheck === undefined) return {};
  const { path, intervalMs, noTrafficIntervalMs, timeoutMs, unhealthyThreshold, healthyThreshold } = healthCheck;
  const http2 = upstream.protocol === 'Http2';
  return {
    health_checks: [
      {
        timeout: protoDuration(timeoutMs),
        interval: protoDuration(intervalMs),
        // Envoy's default is 60 s: who has had no requests yet would notice nothing until then.
        no_traffic_interval: protoDuration(noTrafficIntervalMs),
        initial_jitter: protoDuration(Math.min(intervalMs, MAX_FIRST_JITTER_MS)),
        interval_jitter_percent: INTERVAL_JITTER_PERCENT,
        unhealthy_threshold: unhealthyThreshold,
        healthy_threshold: healthyThreshold,
        // An HTTP/1 connection would be idle for as long as uvicorn keeps one open (5 s), and a check that is written while it
        // closes fails without fault of the server.
        reuse_connection: http2,
        http_health_check: {
          host: hostOf(service),
          path,
          codec_client_type: http2 ? 'HTTP2' : 'HTTP1',
          // Else one answer of another status would do, whatever the threshold.
          retriable_statuses: [{ start: 100, end: 600 }],
        },
        // A check chooses no protocol: it would speak HTTP/1 to a server that has agreed on HTTP/2.
        ...(upstream.protocol === 'Auto' ? { tls_options: { alpn_protocols: ['http/1.1'] } } : {}),
      },
    ],
  };
}

/** While a newcomer was not checked yet it counts neither as room nor as lack of it: a first tier that grows sends nothing to the second. */
export function newcomersApart({ healthCheck }: { readonly healthCheck?: HealthCheck }): JsonObject {
  return healthCheck === undefined ? {} : { ignore_new_hosts_until_first_hc: true };
}

/** As clients call the service. Envoy's own choice, the name of the cluster, has a slash in it where the cluster is one pool. */
function hostOf({ name, hostnames }: ModelService): string {
  return hostnames.find((hostname) => !hostname.includes('*')) ?? name;
}
