import type { Listener } from '../policy/index.ts';
import { bodyModelFilters } from './body-model.ts';
import { slotFilters, slotRefs } from './filter-slots.ts';
import { ADS, extension, makeResource } from './message.ts';
import type { Resource } from './resource.ts';
import { parseSocketAddress, socketAddress } from './socket-address.ts';
import { TYPE_URL } from './type-url.ts';

export type ListenerOptions = {
  readonly release: string;
  readonly override: string | undefined;
  readonly readsModels: boolean;
};

/**
 * A listener changes only with its name and address: every other change would cut the streams that outlive the drain
 * time. What varies with the policy is in its route configuration and in the ECDS filters.
 *
 * `override` is the address that the node asks for itself because it shares a host; one that is no `ip:port` is ignored.
 * `readsModels`: a service of the group is told by the model that requests name. The first one changes the listener.
 */
export function compileListener(listener: Listener, { release, override, readsModels }: ListenerOptions): Resource {
  const { name, origin } = listener;
  const address = (override === undefined ? undefined : parseSocketAddress(override)) ?? listener;
  return makeResource({
    type: 'listener',
    name,
    release,
    origin,
    needs: [{ typeUrl: TYPE_URL.route, name }, ...slotRefs()],
    json: {
      name,
      stat_prefix: name,
      traffic_direction: 'OUTBOUND',
      address: socketAddress(address.address, address.port),
      filter_chains: [
        {
          filters: [
            extension(
              'envoy.filters.network.http_connection_manager',
              'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              {
                stat_prefix: name,
                rds: { route_config_name: name, config_source: ADS },
                http_filters: [
                  // First, so that all others see the route of the model.
                  ...(readsModels ? bodyModelFilters(release) : []),
                  ...slotFilters(),
                  extension('envoy.filters.http.router', 'envoy.extensions.filters.http.router.v3.Router'),
                ],
                // However a path is spelled, its service is the same, or limits could be escaped where servers read both alike.
                // An escaped slash stays: it is part of a model's name in paths of some engines.
                normalize_path: true,
                merge_slashes: true,
                // For requests that match no route; routes carry the policy's own.
                stream_idle_timeout: '300s',
                // The sidecar should not be seen: the client gets the model server's own `server` header.
                server_header_transformation: 'PASS_THROUGH',
              },
            ),
          ],
        },
      ],
    },
  });
}
