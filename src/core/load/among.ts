import type { Endpoint } from '../topology/index.ts';
import type { ServiceLoad } from './endpoint-load.ts';

/** Servers of a service, and what is believed of them, in one order. */
export type Servers = { readonly load: ServiceLoad; readonly endpoints: readonly Endpoint[] };

/** Some of the servers. */
export function among({ load, endpoints }: Servers, isIn: (endpoint: Endpoint) => boolean): Servers {
  return {
    endpoints: endpoints.filter(isIn),
    load: { ...load, endpoints: load.endpoints.filter((_, i) => isIn(endpoints[i] as Endpoint)) },
  };
}
