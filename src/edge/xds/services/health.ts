import { decodeMessage, encodeMessage } from '../../../base/codec/index.ts';
import { frame, type Rpc, type RpcHandler, type RpcMethods, STATUS } from '../transport/rpc.ts';
import { isRefusal, orRefusal, refusal } from './refusal.ts';
import { unary } from './unary.ts';

export type ServingStatus = 'SERVING' | 'NOT_SERVING';

const SERVICE = 'grpc.health.v1.Health';

/** The server as a whole. */
const OVERALL = '';

/**
 * `grpc.health.v1.Health`, which Kubernetes probes, grpc_health_probe and gRPC clients ask. All services have the status
 * of the server: they live and die with one process and one listener. Written here, as the official package brings a
 * second protobufjs and wants grpc-js below it.
 */
export class HealthService {
  readonly methods: RpcMethods;
  readonly #status: () => ServingStatus;
  readonly #names: ReadonlySet<string>;
  readonly #watchers = new Set<Watcher>();

  /** `services` are full names; the overall name '' is always known. */
  constructor(options: { readonly services: readonly string[]; readonly status: () => ServingStatus }) {
    this.#status = options.status;
    this.#names = new Set([OVERALL, ...options.services]);
    this.methods = new Map([
      [`/${SERVICE}/Check`, unary((request) => this.#check(request))],
      [`/${SERVICE}/List`, unary((request) => this.#list(request))],
      [`/${SERVICE}/Watch`, this.#watch],
    ]);
  }

  /** To be called when the status may have changed: who watches is told if it has. */
  changed(): void {
    for (const watcher of this.#watchers) watcher.tell();
  }

  #check(request: Buffer): ReturnType<Parameters<typeof unary>[0]> {
    const name = serviceIn(request);
    if (!this.#names.has(name)) return refusal(STATUS.NOT_FOUND, `service ${JSON.stringify(name)} is not served here`);
    return encodeStatus(this.#status());
  }

  #list(request: Buffer): Uint8Array {
    decodeMessage('grpc.health.v1.HealthListRequest', request);
    const status = this.#status();
    const statuses = Object.fromEntries([...this.#names].map((name) => [name, { status }]));
    return encodeMessage('grpc.health.v1.HealthListResponse', { statuses });
  }

  readonly #watch: RpcHandler = (rpc) => {
    let watcher: Watcher | undefined;
    let over = false;
    const end = (status: number, message: string): void => {
      if (over) return;
      over = true;
      rpc.end(status, message);
    };
    return {
      message: (bytes) => {
        if (over || watcher !== undefined) return;
        const name = orRefusal(() => ({ of: serviceIn(bytes) }));
        if (isRefusal(name)) return end(name.status, name.message);
        // The protocol wants the call of an unknown service to stay open, for a service that comes later.
        const known = this.#names.has(name.of);
        watcher = new Watcher(rpc, known ? this.#status : () => 'SERVICE_UNKNOWN');
        this.#watchers.add(watcher);
        watcher.tell();
      },
      halfClosed: () => {
        if (watcher === undefined) end(STATUS.INVALID_ARGUMENT, 'the call ended without a request');
      },
      closed: () => {
        over = true;
        if (watcher !== undefined) this.#watchers.delete(watcher);
      },
    };
  };
}

/** One call of Watch. While the peer does not read, changes are not queued: it gets the last one when it reads again. */
class Watcher {
  readonly #rpc: Rpc;
  readonly #status: () => string;
  #told: string | undefined;
  #sending = false;

  constructor(rpc: Rpc, status: () => string) {
    this.#rpc = rpc;
    this.#status = status;
  }

  tell(): void {
    if (this.#sending) return;
    const status = this.#status();
    if (status === this.#told) return;
    this.#told = status;
    this.#sending = true;
    this.#rpc.send(frame(encodeStatus(status)), () => {
      this.#sending = false;
      this.tell();
    });
  }
}

function serviceIn(request: Buffer): string {
  return (decodeMessage('grpc.health.v1.HealthCheckRequest', request).service as string | undefined) ?? '';
}

function encodeStatus(status: string): Uint8Array {
  return encodeMessage('grpc.health.v1.HealthCheckResponse', { status });
}
