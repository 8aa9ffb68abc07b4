import type { JsonObject } from '../../base/codec/index.ts';
import { any } from './message.ts';

const TYPE = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** gRPC to Loadline. Without the keepalive a half-open connection looks connected for ever. */
export const HTTP2_WITH_KEEPALIVE: JsonObject = {
  [TYPE]: any(TYPE, {
    explicit_http_config: { http2_protocol_options: { connection_keepalive: { interval: '10s', timeout: '5s' } } },
  }),
};
