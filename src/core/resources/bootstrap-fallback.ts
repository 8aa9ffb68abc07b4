import type { JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { isLoopback, parseAddress } from '../../base/units/index.ts';
import { http2 } from './bootstrap-http2.ts';
import { any } from './message.ts';
import { ADS_CLUSTER, FALLBACK_CLUSTER, XDS_CLUSTER } from './names.ts';
import { pipeAddress, socketAddress } from './socket-address.ts';

/** A server that hangs must be found out in time for another to serve within 10 s. */
const KEEPALIVE = { interval: '4s', timeout: '3s' };

/**
 * Fields of the server's cluster. Two streams in vain, and it is left aside for a second or two: the next try goes to the fallback.
 * Gateway failures and no others: connects that fail and streams that break are such (503), what the server refuses is none.
 */
export const GIVES_UP_A_DEAD_SERVER: JsonObject = {
  typed_extension_protocol_options: http2(KEEPALIVE),
  outlier_detection: {
    consecutive_gateway_failure: 2,
    enforcing_consecutive_gateway_failure: 100,
    enforcing_consecutive_5xx: 0,
    enforcing_success_rate: 0,
    interval: '0.5s',
    base_ejection_time: '1s',
    max_ejection_time: '2s',
    max_ejection_percent: 100,
  },
};

/**
 * The fallback, and the aggregate of server and fallback through which configuration comes. Two clusters, not two priorities of
 * one: the server may have names for DNS and mutual TLS, the fallback is a socket beside Envoy. The type of the aggregate is not
 * among the message definitions of this repository; that Envoy takes it is shown by test/e2e/traffic/away.
 * @throws LoadlineError LOADLINE_CONFIG for an address that other machines could reach: the way to it is plaintext
 */
export function fallbackClusters(text: string): readonly JsonObject[] {
  return [
    {
      name: FALLBACK_CLUSTER,
      type: 'STATIC',
      connect_timeout: '1s',
      typed_extension_protocol_options: http2(KEEPALIVE),
      load_assignment: {
        cluster_name: FALLBACK_CLUSTER,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: addressOf(text) } }] }],
      },
    },
    {
      name: ADS_CLUSTER,
      connect_timeout: '1s',
      lb_policy: 'CLUSTER_PROVIDED',
      cluster_type: {
        name: 'envoy.clusters.aggregate',
        typed_config: any('envoy.extensions.clusters.aggregate.v3.ClusterConfig', {
          clusters: [XDS_CLUSTER, FALLBACK_CLUSTER],
        }),
      },
    },
  ];
}

function addressOf(text: string): JsonObject {
  const parsed = parseAddress(text);
  const address = parsed.ok ? parsed.value : undefined;
  if (address?.kind === 'unix') return pipeAddress(address.path);
  if (address === undefined || address.host === 'localhost' || address.port === 0 || !isLoopback(address)) {
    const expected = 'expected unix:PATH, or an IP address of loopback with its port: the way to it is plaintext';
    throw new LoadlineError('LOADLINE_CONFIG', `fallback address ${text}: ${expected}`);
  }
  return socketAddress(address.host, address.port);
}
