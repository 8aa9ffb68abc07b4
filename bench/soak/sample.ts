import { readdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { queryObjects } from 'node:v8';
import { DiscoveryStream } from '../../src/edge/xds/discovery-stream.ts';
import { GrpcCall } from '../../src/edge/xds/transport/grpc-call.ts';

/** What one look at the server's process shows. */
export type Sample = {
  readonly rssMib: number;
  readonly heapMib: number;
  readonly externalMib: number;
  readonly files: number;
  /** Active handles and requests by kind, `TCPSocketWrap` and the like. */
  readonly resources: Readonly<Record<string, number>>;
};

/** Objects that a collection leaves alive, by what they are. */
export type Alive = Readonly<Record<'sockets' | 'timers' | 'calls' | 'streams', number>>;

const MIB = 1024 ** 2;
const Timer = timerClass();

/** Collects garbage first, so that what is left is held by something. */
export function takeSample(): Sample {
  if (gc === undefined) throw new Error('the soak needs --expose-gc');
  gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  return {
    rssMib: rss / MIB,
    heapMib: heapUsed / MIB,
    externalMib: external / MIB,
    files: readdirSync('/proc/self/fd').length,
    resources,
  };
}

/** Searches the whole heap. That alone makes RSS jump by some ten MiB, so it is not for every sample. */
export function countAlive(): Alive {
  const count = (of: new (...args: never[]) => object): number => queryObjects(of, { format: 'count' });
  return { sockets: count(Socket), timers: count(Timer), calls: count(GrpcCall), streams: count(DiscoveryStream) };
}

/** `getActiveResourcesInfo` leaves out timers that do not keep the process alive, and so all of the server's. */
function timerClass(): new (...args: never[]) => object {
  const timer = setTimeout(() => undefined, 0);
  clearTimeout(timer);
  return timer.constructor as new (
    ...args: never[]
  ) => object;
}
