import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import { decodeMessage, encodeMessage, type JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { type Backoff, backoffMs, type Random } from '../../base/units/index.ts';
import { LASTING_LAYER, receivedResource, TYPE_URL } from '../../core/resources/index.ts';
import type { Snapshot } from '../../core/snapshot/index.ts';
import { openClient } from '../admin/index.ts';
import type { ClientTlsFiles } from '../tls/index.ts';
import type { Followed } from './followed.ts';

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const REQUEST = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
const RESPONSE = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** As the Envoy beside has it: both must know of a server that hangs before the one can serve the other. */
const KEEPALIVE_MS = 4000;
const KEEPALIVE_TIMEOUT_MS = 3000;
/** A server that is back is found sooner than by most Envoys, which then need not be sent away twice. */
const BACKOFF: Backoff = { baseMs: 200, maxMs: 1000 };

/**
 * `Here`: it answered on the stream that stands. `Away`: everything else, also one that listens and has nothing to say yet.
 * `Denied`: it will not have this client, and so nobody may be served in its name.
 */
export type Presence = 'Here' | 'Away' | 'Denied';

/** An address of the server, and how to speak to it. */
export type ServerTarget = { readonly address: string; readonly tls?: ClientTlsFiles };

export type FollowerOptions = {
  /** Tried in turn. */
  readonly targets: readonly ServerTarget[];
  /** envoy.config.core.v3.Node. */
  readonly node: JsonObject;
  /** Begins with what was kept; the server sends what differs. */
  readonly followed: Followed;
  readonly random: Random;
  /** `news`: a person should hear of it. One stream that ends is none, since servers end connections of age; two in a row are. */
  readonly onPresence: (presence: Presence, why: string, news: boolean) => void;
  /** Each consistent set, as soon as it is one. */
  readonly onSnapshot: (snapshot: Snapshot) => void;
};

type Received = {
  readonly type_url?: string;
  readonly nonce?: string;
  readonly removed_resources?: readonly string[];
  readonly resources?: readonly { readonly name?: string; readonly resource?: { readonly value?: Uint8Array } }[];
};

/**
 * A client of the xDS server that takes everything of its group, as an Envoy would, and keeps it. It never gives up. Not a reader
 * of the admin API: there secrets are redacted, everything is sent at each question, and a sidecar's certificate lets nobody in.
 */
export class Follower {
  readonly #options: FollowerOptions;
  #presence: Presence = 'Away';
  #told: Presence | undefined;
  #tries = 0;
  #failures = 0;
  #again: NodeJS.Timeout | undefined;
  #cut: () => void = () => {};
  #stopped = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  get presence(): Presence {
    return this.#presence;
  }

  start(): void {
    this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#again);
    this.#cut();
  }

  #connect(): void {
    const { targets, followed } = this.#options;
    const target = targets[this.#tries % targets.length] as ServerTarget;
    this.#tries += 1;
    try {
      const client = openClient('server', target.address, target.tls, {
        'grpc.keepalive_time_ms': KEEPALIVE_MS,
        'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
        'grpc.max_receive_message_length': MAX_ANSWER_BYTES,
        'grpc.use_local_subchannel_pool': 1,
      });
      const call: Call = client.makeBidiStreamRequest<Buffer, Buffer>(METHOD, asItIs, asItIs);
      let over = false;
      const end = (code: number, why: string): void => {
        if (over) return;
        over = true;
        call.cancel();
        client.close();
        if (!this.#stopped) this.#ended(code, `${target.address}: ${why}`);
      };
      this.#cut = () => end(status.CANCELLED, 'stopped');
      call.on('data', (bytes: Buffer) => {
        if (over) return;
        try {
          this.#take(call, bytes);
        } catch (error) {
          if (!(error instanceof LoadlineError)) throw error;
          end(status.INTERNAL, error.message);
        }
      });
      call.on('error', ({ code, details }: ServiceError) => end(code, details));
      call.on('end', () => end(status.OK, 'the stream ended'));
      this.#ask(call, followed);
    } catch (error) {
      if (!(error instanceof LoadlineError)) throw error;
      this.#ended(status.UNKNOWN, error.message);
    }
  }

  /** All of every type by wildcard; of the runtime the layer that lasts. That one is asked for as if it were new: its answer is the sign of life. */
  #ask(call: Call, followed: Followed): void {
    const { node } = this.#options;
    for (const [index, typeUrl] of FOLLOWED.entries()) {
      send(call, {
        type_url: typeUrl,
        resource_names_subscribe: ['*'],
        initial_resource_versions: followed.versions(typeUrl),
        ...(index === 0 ? { node } : {}),
      });
    }
    send(call, { type_url: TYPE_URL.runtime, resource_names_subscribe: [LASTING_LAYER] });
  }

  #take(call: Call, bytes: Buffer): void {
    const { followed, onSnapshot } = this.#options;
    const {
      type_url: typeUrl = '',
      nonce = '',
      resources = [],
      removed_resources: removed = [],
    } = decodeMessage(RESPONSE, bytes) as Received;
    const changed = resources.flatMap(({ name = '', resource }) =>
      resource === undefined ? [] : [receivedResource({ typeUrl, name, bytes: resource.value ?? new Uint8Array() })],
    );
    send(call, { type_url: typeUrl, response_nonce: nonce });
    const snapshot = followed.take(typeUrl, changed, removed);
    if (snapshot !== undefined) onSnapshot(snapshot);
    if (typeUrl !== TYPE_URL.runtime) return;
    this.#failures = 0;
    this.#is('Here', 'it answers');
  }

  #ended(code: number, why: string): void {
    this.#failures += 1;
    this.#is(DENIALS.has(code) ? 'Denied' : 'Away', why);
    this.#again = setTimeout(() => this.#connect(), backoffMs(BACKOFF, this.#failures, this.#options.random));
  }

  #is(presence: Presence, why: string): void {
    const news = presence !== this.#told && (presence !== 'Away' || this.#failures > 1);
    if (!news && presence === this.#presence) return;
    this.#presence = presence;
    if (news) this.#told = presence;
    this.#options.onPresence(presence, why, news);
  }
}

const DENIALS: ReadonlySet<number> = new Set([status.PERMISSION_DENIED, status.UNAUTHENTICATED]);

type Call = ClientDuplexStream<Buffer, Buffer>;

const FOLLOWED: readonly string[] = [
  TYPE_URL.cluster,
  TYPE_URL.endpoint,
  TYPE_URL.listener,
  TYPE_URL.route,
  TYPE_URL.extension,
];

function send(call: Call, request: JsonObject): void {
  call.write(Buffer.from(encodeMessage(REQUEST, request)));
}

function asItIs(bytes: Buffer): Buffer {
  return bytes;
}
