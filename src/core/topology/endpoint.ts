/** `service/pool/address:port`. Stable over restarts and replicas; the key of everything that is remembered. */
export type EndpointId = string;

/** `Active` takes new requests; `Draining` finishes what it has and takes none. */
export type Lifecycle = 'Active' | 'Draining';

export type Endpoint = {
  readonly id: EndpointId;
  readonly service: string;
  readonly pool: string;
  /** An IP address; Envoy's EDS takes no names. */
  readonly address: string;
  readonly port: number;
  /** Changes when the server behind the address is another one; what was learned is then forgotten. */
  readonly incarnation: string;
  readonly zone?: string;
  readonly node?: string;
  /** What its cloud calls the machine: `i-0123456789abcdef0`. */
  readonly instance?: string;
  readonly pod?: string;
  /** Prior of relative capacity; 1.0 is the reference endpoint. */
  readonly capacity: number;
  /** The engine's batch limit, when the policy gives it; learned otherwise. */
  readonly maxRunningRequests?: number;
  readonly lifecycle: Lifecycle;
  /**
   * Since when it is in no pool any more, of one that finishes what it has. Never said by discovery: the controller
   * remembers it with the Plan.
   */
  readonly leavingSinceMs?: number;
};

/** What discovery says about one pool. `complete: false` means the source has not answered yet: never publish that as empty. */
export type EndpointSet = {
  readonly service: string;
  readonly pool: string;
  readonly complete: boolean;
  readonly endpoints: readonly Endpoint[];
};

export function endpointId(service: string, pool: string, address: string, port: number): EndpointId {
  return `${service}/${pool}/${hostPort(address, port)}`;
}

/** `10.0.0.1:80`, `[2001:db8::1]:80`. */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
