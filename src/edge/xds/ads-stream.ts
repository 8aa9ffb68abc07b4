import { type DeltaRequest, encodeDeltaResponse, heartbeatBytes } from '../../base/codec/index.ts';
import { type Resource, SEND_ORDER, TYPE_SHORT, TYPE_URL } from '../../core/resources/index.ts';
import { type Snapshot, type TypeView, viewOf } from '../../core/snapshot/index.ts';
import { DeltaSubscription, type Outgoing, type Phase } from '../../core/subscriptions/index.ts';
import type { Peer } from './node-identity.ts';
import type { Inbox, XdsLog, XdsMeter } from './seams.ts';

/** Writes one encoded response; calls back when the transport has taken it, so that the next one may be made. */
export type WriteResponse = (bytes: Buffer, taken: () => void) => void;

/** What happened last with one type on this stream: `loadline status` shows it. */
export type TypeStatus = {
  readonly type: string;
  readonly status: 'SYNCED' | 'STALE' | 'NACKED';
  readonly resources: number;
  readonly sentAtMs?: number;
  readonly ackedAtMs?: number;
  readonly message?: string;
  readonly origin?: string;
};

type Last = { sentAtMs?: number; ackedAtMs?: number; message?: string; origin?: string };

/** Removals wait until every type's upserts are out, for the types whose absence breaks what refers to them (law 4). */
const REMOVAL_ORDER: readonly string[] = [...SEND_ORDER].reverse();

/**
 * One delta ADS stream: a subscription per type, fed from one snapshot. At most one response per type is unsent at any
 * time (law 6): while the transport has not taken it, a newer snapshot only replaces the one to compare with.
 */
export class AdsStream {
  readonly peer: Peer;
  readonly address: string;
  readonly connectedAtMs: number;
  readonly #write: WriteResponse;
  readonly #inbox: Inbox;
  readonly #meter: XdsMeter;
  readonly #log: XdsLog;
  readonly #now: () => number;
  readonly #subscriptions = new Map<string, DeltaSubscription>();
  readonly #last = new Map<string, Last>();
  /** Types whose latest response the transport has not taken. */
  readonly #unsent = new Set<string>();
  #snapshot: Snapshot | undefined;
  #nonce = 0;
  #closed = false;

  constructor(input: {
    readonly peer: Peer;
    readonly address: string;
    readonly write: WriteResponse;
    readonly inbox: Inbox;
    readonly meter: XdsMeter;
    readonly log: XdsLog;
    readonly now: () => number;
  }) {
    this.peer = input.peer;
    this.address = input.address;
    this.#write = input.write;
    this.#inbox = input.inbox;
    this.#meter = input.meter;
    this.#log = input.log;
    this.#now = input.now;
    this.connectedAtMs = input.now();
  }

  /** Gives the stream the snapshot that its node should have; sends what differs. */
  publish(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#flush();
  }

  receive(typeUrl: string, request: DeltaRequest): void {
    let subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined) {
      subscription = new DeltaSubscription(typeUrl);
      this.#subscriptions.set(typeUrl, subscription);
    }
    const nowMs = this.#now();
    const answer = subscription.receive(request, nowMs);
    if (answer.kind !== 'Spontaneous') {
      const type = TYPE_SHORT[typeUrl] ?? typeUrl;
      const last = this.#lastOf(typeUrl);
      if (answer.kind === 'Acked') last.ackedAtMs = nowMs;
      if (answer.kind === 'Acked' && subscription.refusedIn(this.#view(typeUrl)).length === 0) {
        delete last.message;
        delete last.origin;
      }
      if (answer.kind === 'Nacked') {
        const culprit = answer.culprit === undefined ? undefined : this.#view(typeUrl).get(answer.culprit);
        last.message = answer.message;
        if (culprit?.origin !== undefined) last.origin = originText(culprit);
        this.#log.warn(
          {
            node: this.peer.nodeId,
            type,
            resource: answer.culprit,
            origin: last.origin,
            resources: answer.resources.length,
            // Envoy's text begins with a dump of the resource; the reason is at its end.
            detail: answer.message.slice(-600),
          },
          'resource refused by envoy',
        );
      }
      this.#meter.answered(type, answer.latencyMs, answer.kind === 'Nacked');
      if (answer.resources.length > 0) {
        this.#inbox.delivery({
          nodeId: this.peer.nodeId,
          typeUrl,
          kind: answer.kind,
          resources: answer.resources,
          atMs: nowMs,
          latencyMs: answer.latencyMs,
          ...(answer.kind === 'Nacked' ? { message: answer.message } : {}),
        });
      }
    }
    this.#flush();
    this.heartbeat();
  }

  /** Sends the heartbeats that are due (law 11). Called about once a second. */
  heartbeat(): void {
    for (const [typeUrl, subscription] of this.#subscriptions) {
      if (this.#unsent.has(typeUrl) || this.#closed) continue;
      const out = subscription.dueHeartbeats(this.#view(typeUrl), this.#nextNonce(), this.#now());
      if (out !== undefined) this.#send(typeUrl, out);
    }
  }

  close(): void {
    this.#closed = true;
  }

  status(): readonly TypeStatus[] {
    const statuses: TypeStatus[] = [];
    for (const typeUrl of SEND_ORDER) {
      const subscription = this.#subscriptions.get(typeUrl);
      if (subscription === undefined) continue;
      const view = this.#view(typeUrl);
      let wanted = 0;
      let synced = true;
      for (const [name, resource] of view) {
        if (!subscription.wants(name)) continue;
        wanted += 1;
        if (subscription.acked.get(name) !== resource.version) synced = false;
      }
      for (const name of subscription.acked.keys()) if (!view.has(name)) synced = false;
      const status = subscription.refusedIn(view).length > 0 ? 'NACKED' : synced ? 'SYNCED' : 'STALE';
      statuses.push({ type: TYPE_SHORT[typeUrl] ?? typeUrl, status, resources: wanted, ...this.#last.get(typeUrl) });
    }
    return statuses;
  }

  #flush(): void {
    if (this.#snapshot === undefined || this.#closed) return;
    for (const typeUrl of SEND_ORDER) this.#advance(typeUrl, 'Upsert');
    // Break only after make: while any upsert waits for the transport, removals wait too.
    if (this.#unsent.size > 0) return;
    for (const typeUrl of REMOVAL_ORDER) this.#advance(typeUrl, 'Remove');
  }

  #advance(typeUrl: string, phase: Phase): void {
    const subscription = this.#subscriptions.get(typeUrl);
    if (subscription === undefined || this.#unsent.has(typeUrl)) return;
    const out = subscription.next(this.#view(typeUrl), phase, this.#nextNonce(), this.#now());
    if (out === undefined) return;
    this.#send(typeUrl, out);
    if (typeUrl === TYPE_URL.cluster) {
      // Law 3: a changed cluster warms until its assignment comes, even an unchanged one.
      const assignments = out.resources
        .flatMap((cluster) => cluster.needs)
        .filter((ref) => ref.typeUrl === TYPE_URL.endpoint);
      this.#subscriptions.get(TYPE_URL.endpoint)?.force(assignments.map((ref) => ref.name));
    }
  }

  #send(typeUrl: string, out: Outgoing): void {
    const bytes = encodeDeltaResponse({
      typeUrl,
      resources: [...out.resources.map((resource) => resource.delta), ...out.heartbeats.map(heartbeatBytes)],
      removed: out.removed,
      nonce: String(this.#nonce),
      systemVersion: '',
    });
    const type = TYPE_SHORT[typeUrl] ?? typeUrl;
    if (out.heartbeats.length === 0) {
      this.#lastOf(typeUrl).sentAtMs = this.#now();
      this.#meter.pushed(type, this.peer.group, out.resources.length + out.removed.length);
      this.#inbox.delivery({
        nodeId: this.peer.nodeId,
        typeUrl,
        kind: 'Sent',
        resources: [
          ...out.resources.map(({ name, version }) => ({ name, version })),
          ...out.removed.map((name) => ({ name, version: '' })),
        ],
        atMs: this.#now(),
      });
      this.#log.debug(
        {
          node: this.peer.nodeId,
          type,
          resources: out.resources.map((resource) => resource.name),
          removed: out.removed,
        },
        'resources sent',
      );
    }
    this.#unsent.add(typeUrl);
    this.#write(bytes, () => {
      this.#unsent.delete(typeUrl);
      this.#flush();
    });
  }

  #nextNonce(): string {
    this.#nonce += 1;
    return String(this.#nonce);
  }

  #view(typeUrl: string): TypeView {
    return this.#snapshot === undefined ? NOTHING : viewOf(this.#snapshot, typeUrl);
  }

  #lastOf(typeUrl: string): Last {
    let last = this.#last.get(typeUrl);
    if (last === undefined) {
      last = {};
      this.#last.set(typeUrl, last);
    }
    return last;
  }
}

const NOTHING: TypeView = new Map();

function originText(resource: Resource): string {
  const { origin } = resource;
  return origin === undefined ? resource.name : `${origin.file}:${origin.line}:${origin.column}`;
}
