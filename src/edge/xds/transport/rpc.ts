import type { ClientCertificate } from '../../tls/index.ts';

/**
 * The port between the protocol and what carries it: gRPC calls as streams of framed bytes. The services know neither
 * grpc-js nor HTTP/2, so the transport can be chosen by its figures (docs/design/xds.md).
 */

/** One call, from the server's side. */
export interface Rpc {
  /** `/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources` */
  readonly path: string;
  /** Address of the peer, `127.0.0.1:40312`, or `unix` for a peer on a UNIX socket. */
  readonly peer: string;
  /** Whose connection it is; absent in plaintext. */
  readonly client?: ClientCertificate | undefined;
  /**
   * Sends one message that carries its gRPC prefix already (`frame`). The bytes are never written to, so that many calls may
   * share them. `taken` is called once, when the transport has no more of it to keep; never when the call ends before.
   */
  send(framed: Buffer, taken?: () => void): void;
  /** The client may send no more than the transport's window until `resume`: what comes meanwhile still is heard. */
  pause(): void;
  resume(): void;
  /** Ends the call with a gRPC status; 0 is OK. Later sends are dropped. */
  end(status: number, message?: string): void;
}

/** What a service does with a call. Callbacks are never nested in `send` or `end`. */
export interface RpcListener {
  /** One request message without its prefix. The bytes are the transport's: they are valid only during the call. */
  message(bytes: Buffer): void;
  /** The peer has sent its last message. */
  halfClosed(): void;
  /** The call is over, whoever ended it. Called exactly once. */
  closed(): void;
}

/** A service method: called when a call opens. */
export type RpcHandler = (rpc: Rpc) => RpcListener;

/** Methods by path. */
export type RpcMethods = ReadonlyMap<string, RpcHandler>;

/** Status codes of gRPC that the rooms here use. */
export const STATUS = {
  OK: 0,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

/** Lays the 5 bytes in front of a message that gRPC wants: not compressed, length in big endian. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}
