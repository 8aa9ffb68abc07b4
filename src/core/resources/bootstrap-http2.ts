import type { JsonObject } from '../../base/codec/index.ts';
import { any } from './message.ts';

const TYPE = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** gRPC to Loadline. Without a keepalive a half-open connection, or one to a server that hangs, looks connected for ever. */
export function http2(keepalive: { readonly interval: string; readonly timeout: string }): JsonObject {
  return {
    [TYPE]: any(TYPE, { explicit_http_config: { http2_protocol_options: { connection_keepalive: keepalive } } }),
  };
}
