import { createServer, type ServerHttp2Session } from 'node:http2';
import { type AddressInfo, connect, Socket } from 'node:net';
import { queryObjects, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DiscoveryStream } from '../../../../src/edge/xds/discovery-stream.ts';
import { LoadReportStream } from '../../../../src/edge/xds/load-reports.ts';
import { GrpcCall } from '../../../../src/edge/xds/transport/grpc-call.ts';
import { MessageReader } from '../../../../src/edge/xds/transport/message-reader.ts';

export type Census = Readonly<Record<string, number>>;

/** What is alive of everything that a connection brings with it: the heap is asked, not the server's own books. */
export async function takeCensus(): Promise<Census> {
  const Session = await sessionClass();
  return {
    sessions: queryObjects(Session, { format: 'count' }),
    calls: queryObjects(GrpcCall, { format: 'count' }),
    readers: queryObjects(MessageReader, { format: 'count' }),
    'discovery streams': queryObjects(DiscoveryStream, { format: 'count' }),
    'load report streams': queryObjects(LoadReportStream, { format: 'count' }),
    sockets: queryObjects(Socket, { format: 'count' }),
    handles: tcpHandles(),
  };
}

/** Connections of this process, both ends of each. */
export function tcpHandles(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}

/** Heap and what it holds outside, after everything that can go is gone. */
export function heapMib(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 3; round += 1) collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1024 ** 2;
}

let known: new () => ServerHttp2Session;

/** Node does not export the class of its sessions: one has to be made to see it. */
async function sessionClass(): Promise<new () => ServerHttp2Session> {
  if (known !== undefined) return known;
  const server = createServer();
  const came = new Promise<ServerHttp2Session>((resolve) => server.on('session', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const session = await came;
  known = session.constructor as new () => ServerHttp2Session;
  session.on('error', () => undefined);
  socket.destroy();
  server.close();
  return known;
}
