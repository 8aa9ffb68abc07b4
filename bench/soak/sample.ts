import { readdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import { DiscoveryStream } from '../../src/edge/xds/discovery-stream.ts';
import { GrpcCall } from '../../src/edge/xds/transport/grpc-call.ts';

/** What one look at the server's process shows. Counts of objects are of those that a collection leaves alive. */
export type Sample = {
  readonly rssMib: number;
  readonly heapMib: number;
  readonly externalMib: number;
  readonly files: number;
  readonly sockets: number;
  readonly timers: number;
  readonly calls: number;
  readonly streams: number;
  /** Active handles and requests by kind, `TCPSocketWrap` and the like. */
  readonly resources: Readonly<Record<string, number>>;
};

const MIB = 1024 ** 2;
const Timer = timerClass();

/** Buffers of collected objects are freed by another thread, after the collection. */
const SWEEP_MS = 200;

/** Collects garbage first (it counts live objects), so that what is left is held by something. */
export async function takeSample(): Promise<Sample> {
  const count = (of: new (...args: never[]) => object): number => queryObjects(of, { format: 'count' });
  const live = {
    sockets: count(Socket),
    timers: count(Timer),
    calls: count(GrpcCall),
    streams: count(DiscoveryStream),
  };
  await setTimeout(SWEEP_MS);
  const { rss, heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return {
    rssMib: rss / MIB,
    heapMib: heapUsed / MIB,
    externalMib: external / MIB,
    files: openFiles(),
    ...live,
    resources,
  };
}

/** `getActiveResourcesInfo` leaves out timers that do not keep the process alive, and so all of the server's. */
function timerClass(): new (...args: never[]) => object {
  const timer = globalThis.setTimeout(() => undefined, 0);
  clearTimeout(timer);
  return timer.constructor as new (
    ...args: never[]
  ) => object;
}

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}
