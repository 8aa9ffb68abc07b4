import { type Address, parseAddress } from '../../../../src/base/units/index.ts';
import { GrpcServer, type GrpcServerOptions } from '../../../../src/edge/xds/transport/grpc-server.ts';
import { frame, type Rpc, type RpcListener, STATUS } from '../../../../src/edge/xds/transport/rpc.ts';

/** The methods of the lab: what a service may do with a call. */
export const ECHO = '/lab.Lab/Echo';
export const REFUSE = '/lab.Lab/Refuse';
export const SILENT = '/lab.Lab/Silent';

/** A `GrpcServer` with methods that do nothing but show what the transport does. */
export class LabServer {
  readonly grpc: GrpcServer;
  /** Calls that are open, in the order in which they came. */
  readonly calls: Rpc[] = [];
  port = 0;

  constructor(options: Partial<GrpcServerOptions> = {}) {
    this.grpc = new GrpcServer({
      methods: new Map([
        [ECHO, (rpc: Rpc) => this.#open(rpc, (bytes) => rpc.send(frame(bytes)))],
        [REFUSE, (rpc: Rpc) => this.#open(rpc, (bytes) => rpc.end(STATUS.NOT_FOUND, bytes.toString()))],
        [SILENT, (rpc: Rpc) => this.#open(rpc, () => undefined)],
      ]),
      maxMessageBytes: 1024 * 1024,
      random: () => 0.5,
      debug: () => undefined,
      ...options,
    });
  }

  async start(text = '127.0.0.1:0'): Promise<string> {
    const parsed = parseAddress(text);
    if (!parsed.ok) throw new Error(`no address: ${text}`);
    const address = await this.grpc.listen(parsed.value satisfies Address, text);
    this.port = Number(address.split(':').at(-1));
    return address;
  }

  #open(rpc: Rpc, message: (bytes: Buffer) => void): RpcListener {
    this.calls.push(rpc);
    return {
      message,
      halfClosed: () => rpc.end(STATUS.OK),
      closed: () => this.calls.splice(this.calls.indexOf(rpc), 1),
    };
  }
}
