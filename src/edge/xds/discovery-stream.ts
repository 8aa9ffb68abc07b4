import {
  type DeltaRequest,
  decodeDeltaRequest,
  decodeSotwRequest,
  type Node,
  type SotwRequest,
  TypeUrls,
} from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { SEND_ORDER, TYPE_SHORT } from '../../core/resources/index.ts';
import type { Snapshot } from '../../core/snapshot/index.ts';
import {
  type Answer,
  ClientStream,
  type KnownSets,
  type Outgoing,
  type Refusal,
} from '../../core/subscriptions/index.ts';
import type { ClientCertificate } from '../tls/index.ts';
import { reportAcked, reportSent } from './delivery-report.ts';
import type { DiscoveryMethod } from './discovery-methods.ts';
import { GivenUpWaits } from './given-up-waits.ts';
import type { Peer } from './node-identity.ts';
import { reportRefusal } from './refusal-report.ts';
import type { ResponseCache } from './response-cache.ts';
import type { Inbox, XdsLog, XdsMeter } from './seams.ts';
import { type StreamStatus, streamDetails, streamStatus, type TypeDetail, type TypeLog } from './stream-status.ts';
import { type Rpc, type RpcListener, STATUS } from './transport/rpc.ts';

/** The outcome of asking to be let in. */
export type Admission =
  | { readonly ok: true; readonly peer: Peer; readonly refusals: readonly Refusal[] }
  | { readonly ok: false; readonly status: number; readonly message: string };

/** What a stream needs of the server. */
export interface StreamHost {
  readonly inbox: Inbox;
  readonly meter: XdsMeter;
  readonly log: XdsLog;
  readonly cache: ResponseCache;
  readonly sets: KnownSets;
  /** As of `ClientStreamOptions`. */
  readonly keepsHeld?: boolean;
  now(): number;
  /** Decides on a client by its first message. Calls back at once, or later when many come at the same time. */
  admit(node: Node | undefined, stream: DiscoveryStream, decided: (admission: Admission) => void): void;
  /** The snapshot that the client should have now. */
  snapshotOf(stream: DiscoveryStream): Snapshot | undefined;
  left(stream: DiscoveryStream): void;
}

type Request = DeltaRequest | SotwRequest;

/** Names of one type on one stream; Envoy with ten thousand clusters is a large one. */
const MAX_NAMES = 100_000;
const MAX_TYPES = 32;
/** Requests of a stream that is not let in yet; the transport's window bounds their bytes. */
const MAX_BACKLOG = 64;
/** Requests that answer nothing: a client that asks and asks. Burst, and how many a second after it. */
const REQUEST_BURST = 2000;
const REQUESTS_PER_SEC = 200;

/** The server wakes all streams this often; what is due earlier has an alarm of its own. */
export const WAKE_MS = 500;

const TYPE_URLS = new TypeUrls(SEND_ORDER);

/** One discovery stream: turns bytes into requests, and what the machine wants sent into shared bytes. */
export class DiscoveryStream implements RpcListener {
  readonly method: DiscoveryMethod;
  readonly address: string;
  /** Whose connection it comes over; undefined in plaintext. */
  readonly client: ClientCertificate | undefined;
  readonly connectedAtMs: number;
  readonly #rpc: Rpc;
  readonly #host: StreamHost;
  #client: ClientStream | undefined;
  #peer: Peer | undefined;
  #state: 'Silent' | 'Waiting' | 'Open' | 'Over' = 'Silent';
  #backlog: Buffer[] = [];
  #wrapTtl = false;
  #snapshot: Snapshot | undefined;
  /** Types whose newest response the transport has not taken. */
  readonly #unsent = new Set<string>();
  /** Something of such a type is due: when the transport has taken the response, it goes. */
  #heldBack = false;
  readonly #types = new Map<string, TypeLog>();
  readonly #givenUp = new GivenUpWaits();
  #askedAtMs = 0;
  #asked = 0;
  #alarm: NodeJS.Timeout | undefined;
  /** When the machine wants to be asked again though nothing happened. */
  wakeMs: number | undefined;
  /** It stands in the queue of those to be published to. */
  queued = false;

  constructor(method: DiscoveryMethod, rpc: Rpc, host: StreamHost) {
    this.method = method;
    this.#rpc = rpc;
    this.#host = host;
    this.address = rpc.peer;
    this.client = rpc.client;
    this.connectedAtMs = host.now();
  }

  /** Who it is; undefined until it is let in. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  get over(): boolean {
    return this.#state === 'Over';
  }

  message(bytes: Buffer): void {
    if (this.#state === 'Over') return;
    if (this.#state === 'Waiting') {
      // The bytes are the transport's.
      if (this.#backlog.push(Buffer.from(bytes)) > MAX_BACKLOG)
        this.#limit('too many requests before the first was answered');
      return;
    }
    if (this.#state === 'Open') this.#receive(bytes);
    else this.#introduce(bytes);
  }

  halfClosed(): void {
    this.end(STATUS.OK);
  }

  closed(): void {
    const was = this.#state;
    this.#state = 'Over';
    this.#backlog = [];
    clearTimeout(this.#alarm);
    if (was === 'Open' || this.#peer !== undefined) this.#host.left(this);
  }

  end(status: number, message?: string): void {
    if (this.#state !== 'Over') this.#state = 'Over';
    this.#rpc.end(status, message);
  }

  /** Brings the client to the snapshot. Cheap when it has it already. */
  publish(snapshot: Snapshot): void {
    if (this.#client === undefined || this.#snapshot === snapshot) return;
    this.#snapshot = snapshot;
    this.#client.publish(snapshot);
    this.#flush();
  }

  /** What it was given last. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** For what no request and no snapshot triggers. */
  wake(nowMs: number): void {
    if (this.wakeMs !== undefined && nowMs >= this.wakeMs) this.#flush();
  }

  status(): StreamStatus | undefined {
    return this.#client === undefined ? undefined : streamStatus(this.#client, this.#types);
  }

  details(): readonly TypeDetail[] {
    return this.#client === undefined ? [] : streamDetails(this.#client, this.#types);
  }

  /** Types that were asked for. */
  typeUrls(): readonly string[] {
    return this.#client?.subscriptions.map(({ typeUrl }) => typeUrl) ?? [];
  }

  refusals(): readonly Refusal[] {
    return this.#client?.refusals() ?? [];
  }

  #introduce(bytes: Buffer): void {
    const request = this.#decode(bytes, true);
    if (request === undefined) return;
    this.#state = 'Waiting';
    this.#rpc.pause();
    this.#host.admit(request.node, this, (admission) => this.#decided(admission, request));
  }

  #decided(admission: Admission, first: Request): void {
    if (this.#state !== 'Waiting') return;
    if (!admission.ok) {
      this.end(admission.status, admission.message);
      return;
    }
    const { variant } = this.method;
    this.#peer = admission.peer;
    this.#wrapTtl =
      variant === 'Sotw' && first.node?.clientFeatures.includes('xds.config.supports-resource-in-sotw') === true;
    this.#client = new ClientStream({
      variant,
      ttlInSotw: this.#wrapTtl,
      sets: this.#host.sets,
      refusals: admission.refusals,
      aggregated: this.method.typeUrl === undefined,
      keepsHeld: this.#host.keepsHeld === true,
    });
    this.#state = 'Open';
    const snapshot = this.#host.snapshotOf(this);
    if (snapshot !== undefined) this.publish(snapshot);
    const backlog = this.#backlog;
    this.#backlog = [];
    this.#rpc.resume();
    this.#take(first);
    for (const bytes of backlog) this.message(bytes);
  }

  #receive(bytes: Buffer): void {
    const request = this.#decode(bytes, false);
    if (request !== undefined) this.#take(request);
  }

  #take(request: Request): void {
    const client = this.#client as ClientStream;
    const typeUrl = this.#typeOf(request.typeUrl);
    if (typeUrl === undefined) return;
    const nowMs = this.#host.now();
    const searched = client.subscription(typeUrl);
    const refusedBefore = searched?.searching === true ? searched.refusals(client.view(typeUrl)) : undefined;
    const answer =
      'names' in request ? client.receiveSotw(typeUrl, request, nowMs) : client.receiveDelta(typeUrl, request, nowMs);
    if (answer.kind === 'Acked' || answer.kind === 'Nacked') this.#answered(typeUrl, answer, nowMs);
    else if (!this.#mayAsk(nowMs)) this.#limit(`more than ${REQUESTS_PER_SEC} requests a second`);
    if (client.subscriptions.length > MAX_TYPES) this.#limit(`more than ${MAX_TYPES} resource types`);
    const names = client.subscription(typeUrl)?.names.size ?? 0;
    if (names > MAX_NAMES) this.#limit(`${names} resource names of one type; at most ${MAX_NAMES}`);
    this.#flush();
    if (refusedBefore !== undefined) this.#foundOut(client, typeUrl, answer, refusedBefore);
  }

  #decode(bytes: Buffer, node: boolean): Request | undefined {
    const options = { node, typeUrls: TYPE_URLS };
    try {
      const request =
        this.method.variant === 'Delta' ? decodeDeltaRequest(bytes, options) : decodeSotwRequest(bytes, options);
      const names = 'names' in request ? request.names.length : request.subscribe.length;
      if (names <= MAX_NAMES) return request;
      this.#limit(`${names} resource names in a request; at most ${MAX_NAMES}`);
    } catch (error) {
      // Only what the bytes are to blame for; anything else is a defect of ours and must be seen.
      if (!(error instanceof LoadlineError)) throw error;
      this.#protocol(error.message);
    }
    return undefined;
  }

  #typeOf(asked: string): string | undefined {
    const { typeUrl } = this.method;
    if (typeUrl === undefined && asked !== '') return asked;
    if (typeUrl !== undefined && (asked === '' || asked === typeUrl)) return typeUrl;
    this.#protocol(
      typeUrl === undefined
        ? 'type_url is required on an aggregated stream'
        : `this stream serves ${typeUrl}, not ${asked}; use an aggregated stream for several types`,
    );
    return undefined;
  }

  #answered(typeUrl: string, answer: Extract<Answer, { kind: 'Acked' | 'Nacked' }>, nowMs: number): void {
    const type = this.#typeLog(typeUrl);
    const { nodeId } = this.#peer as Peer;
    this.#host.meter.answered(type.short, answer.latencyMs, answer.kind === 'Nacked');
    if (answer.kind === 'Acked') {
      type.ackedAtMs = nowMs;
      reportAcked(this.#host.inbox, nodeId, typeUrl, answer, nowMs);
      return;
    }
    const { culprits, message, latencyMs } = answer;
    const resources = [...answer.resources, ...answer.removed.map((name) => ({ name, version: '' }))];
    reportRefusal(this.#host, { nodeId, typeUrl, resources, culprits, message, atMs: nowMs, latencyMs });
  }

  /** What the search for a culprit came to without asking: the one that is left when the others were taken. */
  #foundOut(client: ClientStream, typeUrl: string, answer: Answer, refusedBefore: readonly Refusal[]): void {
    const { nodeId } = this.#peer as Peer;
    const told = [...refusedBefore, ...(answer.kind === 'Nacked' ? answer.culprits : [])];
    for (const refusal of client.refusals()) {
      const { name, message, atMs } = refusal;
      const culprit = client.view(typeUrl).get(name);
      if (refusal.typeUrl !== typeUrl || culprit === undefined || told.some((one) => one.name === name)) continue;
      reportRefusal(this.#host, { nodeId, typeUrl, resources: [culprit], culprits: [culprit], message, atMs });
    }
  }

  #flush(): void {
    const client = this.#client as ClientStream;
    const nowMs = this.#host.now();
    this.#heldBack = false;
    const mayGiveUp = this.wakeMs !== undefined && nowMs >= this.wakeMs;
    for (;;) {
      if (this.#state !== 'Open') return;
      const out = client.next(nowMs, this.#ready);
      if (mayGiveUp) this.#tellGivenUp(client);
      if (out === undefined) break;
      this.#send(client, out, nowMs);
    }
    this.wakeMs = client.nextWakeMs();
    const inMs = (this.wakeMs ?? Number.POSITIVE_INFINITY) - nowMs;
    // What is overdue already could not go: the sweep of the server asks again.
    if (inMs <= 0 || inMs >= WAKE_MS || this.#alarm !== undefined) return;
    this.#alarm = setTimeout(() => {
      this.#alarm = undefined;
      if (this.#state === 'Open') this.#flush();
    }, inMs);
    this.#alarm.unref();
  }

  #tellGivenUp(client: ClientStream): void {
    const { meter, log } = this.#host;
    for (const { typeUrl, name: resource, reason } of this.#givenUp.take(client.waiting)) {
      const type = this.#typeLog(typeUrl).short;
      meter.gaveUp?.(type);
      log.info({ node: this.#peer?.nodeId, type, resource, reason }, 'waited in vain for envoy, and went on');
    }
  }

  readonly #ready = (typeUrl: string): boolean => {
    if (!this.#unsent.has(typeUrl)) return true;
    this.#heldBack = true;
    return false;
  };

  #send(client: ClientStream, out: Outgoing, nowMs: number): void {
    const { typeUrl } = out;
    const type = this.#typeLog(typeUrl);
    const { framed, nonce } = this.#host.cache.encode(out, this.method.variant, this.#wrapTtl, type.lastNonce);
    type.lastNonce = nonce;
    // The books first: an answer may race the write.
    client.sent(out, nonce, nowMs);
    if (out.heartbeats.length === 0) {
      const { group, nodeId } = this.#peer as Peer;
      type.sentAtMs = nowMs;
      this.#host.meter.pushed(type.short, group, out.resources.length + out.removed.length);
      reportSent(this.#host.inbox, nodeId, out, nowMs);
    }
    this.#unsent.add(typeUrl);
    this.#rpc.send(framed, type.taken);
  }

  #typeLog(typeUrl: string): TypeLog {
    let type = this.#types.get(typeUrl);
    if (type === undefined) {
      type = {
        short: TYPE_SHORT[typeUrl] ?? 'other',
        lastNonce: '',
        sentAtMs: undefined,
        ackedAtMs: undefined,
        taken: () => {
          this.#unsent.delete(typeUrl);
          if (this.#heldBack && this.#state === 'Open') this.#flush();
        },
      };
      this.#types.set(typeUrl, type);
    }
    return type;
  }

  #mayAsk(nowMs: number): boolean {
    this.#asked = Math.max(0, this.#asked - ((nowMs - this.#askedAtMs) / 1000) * REQUESTS_PER_SEC) + 1;
    this.#askedAtMs = nowMs;
    return this.#asked <= REQUEST_BURST;
  }

  #limit(message: string): void {
    this.#refuse('Limit', STATUS.RESOURCE_EXHAUSTED, message);
  }

  #protocol(message: string): void {
    this.#refuse('Protocol', STATUS.INVALID_ARGUMENT, message);
  }

  #refuse(reason: 'Limit' | 'Protocol', status: number, message: string): void {
    this.#host.meter.refused?.(reason);
    this.#host.log.warn({ node: this.#peer?.nodeId, peer: this.address, reason: message }, 'stream ended');
    this.end(status, message);
  }
}
