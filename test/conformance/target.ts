import { encodeResource } from '../../src/base/codec/index.ts';
import type { Resource } from '../../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot } from '../../src/core/snapshot/index.ts';
import { XdsServer } from '../../src/edge/xds/index.ts';
import { TYPES } from './protocol.ts';
import type { Spec } from './resources.ts';

/**
 * The server under test, from the side that feeds it. Everything else of the suite goes over the wire, so another server
 * joins by another implementation of these three.
 */
export interface Target {
  /** `127.0.0.1:PORT` or `unix:PATH`, as grpc-js dials it. */
  readonly address: string;
  /** From now on these are all resources that nodes of the cluster `group` should have. Resolves when the server knows. */
  set(specs: readonly Spec[], group?: string): Promise<void>;
  /** Ends its streams and frees the address. */
  stop(): Promise<void>;
}

export const GROUP = 'lab';
/** A second cluster of nodes, with contents of its own. */
export const OTHER_GROUP = 'attic';

export async function startTarget(address = '127.0.0.1:0'): Promise<Target> {
  const snapshots = new Map<string, Snapshot>();
  const server = new XdsServer({
    address,
    snapshots: {
      groups: () => [GROUP, OTHER_GROUP],
      groupsOf: () => [],
      servicesOf: () => new Set(),
      snapshot: ({ group }) => snapshots.get(group),
    },
    inbox: { presence: () => {}, report: () => {}, delivery: () => {} },
    meter: { pushed: () => {}, answered: () => {}, streams: () => {}, reported: () => {} },
    log: { info: () => {}, debug: () => {}, warn: () => {} },
    now: () => Date.now(),
    loadReportIntervalMs: 1000,
    // Gathered as in production, but for less time than a silence of the suite lasts.
    debounce: { quietMs: 20, capMs: 200 },
  });
  await server.start();
  return {
    address: server.address,
    set: async (specs, group = GROUP) => {
      const key = { group, release: '1.40', listenerOverrides: {} };
      snapshots.set(group, makeSnapshot(key, specs.map(encoded), snapshots.get(group)));
      server.publish();
    },
    stop: () => server.stop(100),
  };
}

function encoded(spec: Spec): Resource {
  const { type, name, json, ttlMs, needs } = spec;
  const ttl = ttlMs === undefined ? {} : { ttlMs };
  return {
    ...encodeResource({ typeUrl: TYPES[type].url, name, json, ...ttl }),
    needs: needs.map((ref) => ({ typeUrl: TYPES[ref.type].url, name: ref.name })),
  };
}
