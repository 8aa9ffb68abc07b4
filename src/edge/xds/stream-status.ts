import { TYPE_SHORT } from '../../core/resources/index.ts';
import { type ClientStream, type ResourceState, resourceStates, typeStates } from '../../core/subscriptions/index.ts';
import { type PolicyPlace, policyPlace } from './policy-place.ts';

/** What a stream remembers of one type besides the machine's books. */
export type TypeLog = {
  /** `cds`, `eds`, … */
  readonly short: string;
  lastNonce: string;
  sentAtMs: number | undefined;
  ackedAtMs: number | undefined;
  /** Called by the transport; made once. */
  readonly taken: () => void;
};

/** What happened last with one type on this stream: `loadline status` shows it. The place is that of what is refused. */
export type TypeStatus = {
  readonly type: string;
  readonly status: 'SYNCED' | 'STALE' | 'NACKED';
  readonly resources: number;
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  /** Envoy's words with NACKED, the reason of a wait otherwise. */
  readonly message?: string;
} & PolicyPlace;

export type StreamStatus = { readonly types: readonly TypeStatus[] };

/** One type with all its resources. */
export type TypeDetail = {
  readonly type: string;
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  readonly states: readonly ResourceState[];
};

/** Cheap: it is asked of every stream. */
export function streamStatus(client: ClientStream, logs: ReadonlyMap<string, TypeLog>): StreamStatus {
  return {
    types: typeStates(client).map(({ typeUrl, status, resources, refusal, waiting }) => ({
      type: TYPE_SHORT[typeUrl] ?? typeUrl,
      status,
      resources,
      ...times(logs.get(typeUrl)),
      ...(refusal === undefined
        ? {}
        : { message: refusal.message, ...policyPlace(client.view(typeUrl).get(refusal.name)) }),
      ...(refusal !== undefined || waiting === undefined ? {} : { message: `${waiting.name} ${waitText(waiting)}` }),
    })),
  };
}

/** As long as the resources are many: for one stream at a time. */
export function streamDetails(client: ClientStream, logs: ReadonlyMap<string, TypeLog>): readonly TypeDetail[] {
  return client.subscriptions.map((subscription) => ({
    type: TYPE_SHORT[subscription.typeUrl] ?? subscription.typeUrl,
    ...times(logs.get(subscription.typeUrl)),
    states: resourceStates(client, subscription),
  }));
}

function times(log: TypeLog | undefined): Pick<TypeStatus, 'sentAtMs' | 'ackedAtMs'> {
  return {
    ...(log?.sentAtMs === undefined ? {} : { sentAtMs: log.sentAtMs }),
    ...(log?.ackedAtMs === undefined ? {} : { ackedAtMs: log.ackedAtMs }),
  };
}

function waitText({ gaveUp, reason }: { readonly gaveUp: boolean; readonly reason: string }): string {
  return gaveUp ? `sent all the same after a wait in vain: ${reason}` : `waits: ${reason}`;
}
