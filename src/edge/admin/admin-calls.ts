import type { Client, ServiceError } from '@grpc/grpc-js';
import { LoadlineError } from '../../base/errors.ts';
import { adminService } from './admin-service.ts';
import type { Wire } from './wire-values.ts';

/** How a method is called: its path, and its messages as bytes. */
export type AdminMethod = {
  readonly path: string;
  readonly encode: (value: Wire) => Buffer;
  readonly decode: (bytes: Buffer) => Wire;
};

/** The methods of one service of the admin API, from the side of a client. */
export class AdminCalls {
  readonly #client: Client;
  readonly #service: ReturnType<typeof adminService>;
  readonly #deadlineMs: number;

  constructor(client: Client, service: Parameters<typeof adminService>[0], deadlineMs: number) {
    this.#client = client;
    this.#service = adminService(service);
    this.#deadlineMs = deadlineMs;
  }

  /** @throws LoadlineError LOADLINE_ADMIN when the service has none of this name */
  method(name: string): AdminMethod {
    const method = this.#service[name];
    if (method === undefined) throw new LoadlineError('LOADLINE_ADMIN', `the service has no method ${name}`);
    return {
      path: method.path,
      encode: method.requestSerialize as AdminMethod['encode'],
      decode: method.responseDeserialize as AdminMethod['decode'],
    };
  }

  /** Rejects with the ServiceError of gRPC: what it means is for the caller to say. */
  unary(name: string, request: Wire): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const { path, encode, decode } = this.method(name);
      const deadline = Date.now() + this.#deadlineMs;
      this.#client.makeUnaryRequest<Wire, Wire>(path, encode, decode, request, { deadline }, (error, answer) =>
        error === null ? resolve(answer as Wire) : reject(error),
      );
    });
  }

  /**
   * Until the server has said all, or `signal` is aborted. With `endless` there is no deadline.
   * Rejects with the ServiceError of gRPC.
   */
  stream(
    name: string,
    request: Wire,
    onMessage: (wire: Wire) => void,
    { signal, endless = false }: { readonly signal?: AbortSignal; readonly endless?: boolean } = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const { path, encode, decode } = this.method(name);
      const call = this.#client.makeServerStreamRequest<Wire, Wire>(
        path,
        encode,
        decode,
        request,
        endless ? {} : { deadline: Date.now() + this.#deadlineMs },
      );
      const stop = (): void => call.cancel();
      const done = (): void => signal?.removeEventListener('abort', stop);
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted === true) stop();
      call.on('data', onMessage);
      call.on('end', () => {
        done();
        resolve();
      });
      call.on('error', (error: ServiceError) => {
        done();
        if (signal?.aborted === true) resolve();
        else reject(error);
      });
    });
  }
}
