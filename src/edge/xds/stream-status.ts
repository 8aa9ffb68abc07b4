import { TYPE_SHORT } from '../../core/resources/index.ts';
import { type ClientStream, type ResourceState, resourceStates } from '../../core/subscriptions/index.ts';
import { originText } from './origin-text.ts';

/** What a stream remembers of one type besides the machine's books. */
export type TypeLog = {
  /** `cds`, `eds`, … */
  readonly short: string;
  lastNonce: string;
  sentAtMs: number | undefined;
  ackedAtMs: number | undefined;
  nackedAtMs: number | undefined;
  /** Called by the transport; made once. */
  readonly taken: () => void;
};

/** What happened last with one type on this stream: `loadline status` shows it. */
export type TypeStatus = {
  readonly type: string;
  readonly status: 'SYNCED' | 'STALE' | 'NACKED';
  readonly resources: number;
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  /** Envoy's words with NACKED, the reason of a wait otherwise. */
  readonly message?: string;
  readonly origin?: string;
  readonly states: readonly ResourceState[];
};

export type StreamStatus = { readonly types: readonly TypeStatus[] };

export function streamStatus(client: ClientStream, logs: ReadonlyMap<string, TypeLog>): StreamStatus {
  return {
    types: client.subscriptions.map((subscription) => {
      const { typeUrl } = subscription;
      const log = logs.get(typeUrl);
      return {
        type: TYPE_SHORT[typeUrl] ?? typeUrl,
        ...summary(resourceStates(client, subscription)),
        ...(log?.sentAtMs === undefined ? {} : { sentAtMs: log.sentAtMs }),
        ...(log?.ackedAtMs === undefined ? {} : { ackedAtMs: log.ackedAtMs }),
      };
    }),
  };
}

function summary(
  states: readonly ResourceState[],
): Pick<TypeStatus, 'status' | 'resources' | 'message' | 'origin' | 'states'> {
  const refused = states.find(({ status }) => status === 'NACKED');
  const waiting = states.find((state) => state.waiting !== undefined)?.waiting;
  const resources = states.filter(({ wanted }) => wanted !== undefined).length;
  if (refused !== undefined) {
    const origin = refused.wanted && originText(refused.wanted);
    return {
      status: 'NACKED',
      resources,
      states,
      message: refused.refusal?.message ?? '',
      ...(origin === undefined ? {} : { origin }),
    };
  }
  const synced = states.every(({ status }) => status === 'SYNCED');
  const status = synced ? 'SYNCED' : 'STALE';
  if (waiting === undefined) return { status, resources, states };
  const given = waiting.gaveUp
    ? `sent all the same after a wait in vain: ${waiting.reason}`
    : `waits: ${waiting.reason}`;
  return { status, resources, states, message: `${waiting.name} ${given}` };
}
