import type { RpcMethods } from '../transport/rpc.ts';

/** Full names of the services that these methods belong to, sorted: what health and reflection speak of. */
export function servedServices(methods: RpcMethods): readonly string[] {
  return [...new Set([...methods.keys()].map((path) => path.slice(1, path.lastIndexOf('/'))))].sort();
}
