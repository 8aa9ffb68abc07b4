export { canonicalAddress } from './canonical-address.ts';
export type { DiscoveredSet, EndpointSource } from './endpoint-source.ts';
export { StaticDiscovery, staticEndpointSets } from './static-discovery.ts';
