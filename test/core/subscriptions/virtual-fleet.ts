import { type Resource, TYPE_SHORT, TYPE_URL } from '../../../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot } from '../../../src/core/snapshot/index.ts';
import {
  ClientStream,
  KnownSets,
  type Outgoing,
  type Refusal,
  type Variant,
} from '../../../src/core/subscriptions/index.ts';
import { type Body, EnvoyModel, type ModelRequest, type ModelResponse } from '../../support/envoy-model/index.ts';

/** A set without something that the client may not even have: it was on its way and is refused by now. */
const GONE = '(gone)';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };

export type Described = { readonly body: Body; readonly bad?: 'Rule' | 'Semantic'; readonly revision: number };

/** A resource whose bytes are its description, for the model to read. */
export function describedResource(
  type: keyof typeof TYPE_URL,
  name: string,
  described: Described,
  needs: Resource['needs'] = [],
): Resource {
  const text = JSON.stringify(described);
  const bytes = Buffer.from(text);
  return { typeUrl: TYPE_URL[type], name, version: text, bytes, delta: bytes, needs };
}

type Event = { readonly atMs: number; readonly order: number; readonly run: () => void };

/**
 * One server and one model of an Envoy, in virtual time. Messages take a while in either direction, in order; the transport
 * takes a response some time after it was written; the client may stall, the connection break, the server forget everything.
 */
export class VirtualFleet {
  readonly model: EnvoyModel;
  readonly variant: Variant;
  nowMs = 1000;
  snapshot: Snapshot = makeSnapshot(KEY, []);
  /** Everything that was said, for the story of a failure. */
  readonly said: string[] = [];
  /**
   * What the model finds wrong and is not: routes to a cluster that the client itself refuses, sent to a client that served
   * nothing (better the rest of its routes than none); the answer to a request that crossed with what it asks for; and all
   * assignments again for a client that came back and seems to be warming some; an assignment after a change of its cluster
   * that was refused meanwhile.
   */
  readonly excused: string[] = [];
  readonly #random: () => number;
  readonly #unsent = new Set<string>();
  #sets = new KnownSets();
  #refusals: readonly Refusal[] = [];
  #stream: ClientStream | undefined;
  #epoch = 0;
  #nonce = 0;
  #order = 0;
  #events: Event[] = [];
  #toClientMs = 0;
  #toServerMs = 0;
  #stalledUntilMs = 0;
  /** When the client sent what the server heard last: all that the server can know of it. */
  #heardMs = 0;
  #underWay: number[] = [];
  /** Names in the request that is being answered. */
  #asked: ReadonlySet<string> = new Set();

  constructor(variant: Variant, random: () => number, style: 'Named' | 'Unnamed') {
    this.variant = variant;
    this.#random = random;
    this.model = new EnvoyModel({
      variant,
      runtimeLayers: [],
      // As in our bootstrap: shorter than the waits of the server.
      fetchTimeoutMs: 2000,
      refusalStyle: style,
      describe: ({ body }) => (body as Described).body,
      refuse: (_typeUrl, { body }) => {
        const { bad } = body as Described;
        return bad === undefined ? undefined : { kind: bad, reason: 'it is bad' };
      },
    });
  }

  get connected(): boolean {
    return this.#stream !== undefined;
  }

  /** The server's end. Between two calls of this class it has nothing to send. */
  get stream(): ClientStream | undefined {
    return this.#stream;
  }

  get refusals(): readonly Refusal[] {
    return this.#stream?.refusals() ?? [];
  }

  get waiting(): ClientStream['waiting'] {
    return this.#stream?.waiting ?? [];
  }

  publish(resources: readonly Resource[]): void {
    this.snapshot = makeSnapshot(KEY, resources, this.snapshot);
    this.#stream?.publish(this.snapshot);
    this.#pump();
  }

  connect(): void {
    this.#stream = new ClientStream({
      variant: this.variant,
      sets: this.#sets,
      refusals: this.#refusals,
      aggregated: true,
      maxResponseBytes: 600,
    });
    this.#stream.publish(this.snapshot);
    this.#unsent.clear();
    this.#epoch += 1;
    this.#underWay = [];
    this.#toClientMs = this.nowMs;
    this.#toServerMs = this.nowMs;
    this.#send(this.model.connect(this.nowMs));
  }

  disconnect(options: { readonly serverRestarts: boolean }): void {
    this.#refusals = options.serverRestarts ? [] : (this.#stream?.refusals() ?? []);
    if (options.serverRestarts) this.#sets = new KnownSets();
    this.#stream = undefined;
    this.#epoch += 1;
    this.model.disconnect(this.nowMs);
  }

  stall(forMs: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.nowMs + forMs);
  }

  /** Lets time pass. */
  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (let guard = 0; guard < 100_000; guard += 1) {
      const next = this.#events.sort((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
      const never = Number.POSITIVE_INFINITY;
      const wakeMs = Math.min(this.#stream?.nextWakeMs() ?? never, this.model.nextEventMs() ?? never);
      const atMs = Math.max(this.nowMs, Math.min(next?.atMs ?? never, wakeMs));
      if (atMs > untilMs) break;
      this.nowMs = atMs;
      if (next !== undefined && next.atMs <= atMs) {
        this.#events.shift();
        next.run();
      } else {
        this.model.advance(this.nowMs);
        this.#pump();
        // A wake that changes nothing must not be asked for again at once.
        if ((this.#stream?.nextWakeMs() ?? Number.POSITIVE_INFINITY) <= this.nowMs) this.nowMs += 1;
      }
      this.#send(this.model.take(this.nowMs));
    }
    this.nowMs = Math.max(untilMs, this.nowMs);
    this.model.advance(this.nowMs);
    this.#send(this.model.take(this.nowMs));
  }

  #pump(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    for (let guard = 0; guard < 1000; guard += 1) {
      const out = stream.next(this.nowMs, (typeUrl) => !this.#unsent.has(typeUrl));
      if (out === undefined) return;
      this.#nonce += 1;
      const nonce = String(this.#nonce);
      stream.sent(out, nonce, this.nowMs);
      this.#deliver(out, nonce);
    }
    throw new Error('the server never stops sending');
  }

  #deliver(out: Outgoing, nonce: string): void {
    const sentMs = this.#heardMs;
    const response: ModelResponse = {
      typeUrl: out.typeUrl,
      nonce,
      resources: out.resources.map(({ name, version, bytes }) => ({
        name,
        version,
        body: bodyOf(bytes, name),
      })),
      removed: this.variant === 'Delta' ? out.removed : [],
      versionInfo: out.version,
    };
    this.#tell(
      `> ${TYPE_SHORT[out.typeUrl]} #${nonce} ${response.resources.map(short).join(' ')} -[${response.removed}]${out.trial ? ' (trial)' : ''}`,
    );
    this.#unsent.add(out.typeUrl);
    const takenMs = this.nowMs + Math.floor(this.#random() * 5);
    this.#at(takenMs, () => {
      this.#unsent.delete(out.typeUrl);
      this.#pump();
    });
    this.#toClientMs = Math.max(takenMs, this.#toClientMs) + Math.floor(this.#random() * 30);
    const mayBeWarming = this.#stream?.subscriptions.every(({ typeUrl }) => typeUrl !== TYPE_URL.cluster) === true;
    const asked = new Set(mayBeWarming ? out.resources.map(({ name }) => name) : this.#asked);
    if (out.dropped.length > 0) asked.add(GONE);
    this.#arrive(response, sentMs, asked);
  }

  #arrive(response: ModelResponse, sentMs: number, asked: ReadonlySet<string>): void {
    this.#at(this.#toClientMs, () => {
      // A stalled client reads nothing; what comes stands in its buffer, in order.
      if (this.nowMs < this.#stalledUntilMs) {
        this.#toClientMs = Math.max(this.#toClientMs, this.#stalledUntilMs);
        // By then it may have asked for what comes, and no longer want it.
        const late = new Set([...asked, ...response.resources.map(({ name }) => name)]);
        this.#at(this.#stalledUntilMs, () => this.#receive(response, sentMs, late));
      } else {
        this.#receive(response, sentMs, asked);
      }
    });
  }

  #receive(response: ModelResponse, sentMs: number, asked: ReadonlySet<string>): void {
    const served = this.model.routes.size > 0;
    const before = this.model.problems().length;
    this.model.receive(response, this.nowMs, sentMs);
    for (const problem of this.model.problems().slice(before)) {
      const again = /^needless: \w+ (\S+) is unchanged/.exec(problem)?.[1];
      if (again !== undefined && (asked.has(again) || (again === '(all)' && asked.has(GONE))))
        this.excused.push(problem);
      // The assignment follows a change of its cluster, and the client refused the change.
      const followsRefused = this.refusals.some(({ typeUrl, name }) => typeUrl === TYPE_URL.cluster && name === again);
      if (again !== undefined && followsRefused) this.excused.push(problem);
      const cluster = /^NC: .* no cluster (\S+)/.exec(problem)?.[1];
      const own = this.refusals.some(({ typeUrl, name }) => typeUrl === TYPE_URL.cluster && name === cluster);
      if (!served && own) this.excused.push(problem);
    }
  }

  #send(requests: readonly ModelRequest[]): void {
    for (const request of requests) {
      this.#toServerMs = Math.max(this.nowMs, this.#toServerMs) + Math.floor(this.#random() * 20);
      const saidMs = this.nowMs;
      this.#underWay.push(saidMs);
      this.#at(this.#toServerMs, () => this.#hear(request, saidMs));
    }
  }

  #hear(request: ModelRequest, saidMs: number): void {
    this.#underWay.splice(this.#underWay.indexOf(saidMs), 1);
    // Of what was said at one instant the last counts.
    if (!this.#underWay.some((other) => other === saidMs)) this.#heardMs = saidMs;
    const { typeUrl, nonce, errorMessage, subscribe, unsubscribe, initialVersions, names, versionInfo } = request;
    this.#tell(
      `< ${TYPE_SHORT[typeUrl]} ${errorMessage === undefined ? '' : `NACK ${errorMessage} `}#${nonce} +[${subscribe}] -[${unsubscribe}] {${Object.keys(initialVersions)}} [${names}]`,
    );
    const common = { nonce, ...(errorMessage === undefined ? {} : { errorDetail: { message: errorMessage } }) };
    if (this.variant === 'Delta') {
      this.#stream?.receiveDelta(typeUrl, { ...common, subscribe, unsubscribe, initialVersions }, this.nowMs);
    } else {
      this.#stream?.receiveSotw(typeUrl, { ...common, names, version: versionInfo }, this.nowMs);
    }
    this.#asked = new Set([...subscribe, ...names]);
    this.#pump();
    this.#asked = new Set();
  }

  #tell(text: string): void {
    this.said.push(`${this.nowMs}: ${text}`);
  }

  /** Runs it then, unless the connection broke in between. */
  #at(atMs: number, run: () => void): void {
    const epoch = this.#epoch;
    this.#order += 1;
    this.#events.push({ atMs, order: this.#order, run: () => (epoch === this.#epoch ? run() : undefined) });
  }
}

function short({ name, body }: { readonly name: string; readonly body?: unknown }): string {
  const { revision, bad } = body as Described;
  return `${name}@${revision}${bad ?? ''}`;
}

/** An assignment that the server made up for a name that does not exist is real protobuf. */
function bodyOf(bytes: Uint8Array, name: string): Described {
  const text = Buffer.from(bytes).toString();
  if (text.startsWith('{')) return JSON.parse(text) as Described;
  if (!text.includes(name)) throw new Error(`what is this? ${text}`);
  return { body: { kind: 'assignment', endpoints: 0 }, revision: 0 };
}
