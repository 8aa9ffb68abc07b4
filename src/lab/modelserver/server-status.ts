import type { Fault } from './fault.ts';
import type { ModelServer, ServerState } from './model-server.ts';

/** One row of `GET /servers`. `running` holds requests of other tenants too, as the server's own metrics do. */
export type ServerStatus = {
  readonly index: number;
  readonly address: string;
  readonly port: number;
  readonly gpuPort: number;
  readonly model: string;
  readonly profile: string;
  /** Profile's speed times the fault's. */
  readonly speed: number;
  readonly slots: number;
  readonly state: ServerState;
  readonly running: number;
  readonly waiting: number;
  /** 0..1. */
  readonly kv: number;
  readonly promptTokens: number;
  readonly generationTokens: number;
  readonly issued: number;
  readonly finished: number;
  readonly errors: number;
  readonly cancelled: number;
  readonly fault: Fault;
};

export type Place = { readonly address: string; readonly port: number; readonly gpuPort: number };

export function serverStatus(server: ModelServer, index: number, place: Place): ServerStatus {
  const { profile } = server;
  const load = server.load();
  return {
    index,
    ...place,
    model: profile.model,
    profile: profile.name,
    speed: profile.speed * server.speed,
    slots: profile.slots,
    state: server.state,
    running: load.running,
    waiting: load.waiting,
    kv: load.kvRatio,
    promptTokens: load.promptTokens,
    generationTokens: load.generationTokens,
    ...server.counts,
    fault: server.fault,
  };
}
