import {
  type ClusterBody,
  contentOf,
  type Describe,
  type ModelRequest,
  type ModelResource,
  type ModelResponse,
  shortName,
  TYPE,
  type Variant,
} from './messages.ts';
import type { Held } from './mux.ts';
import { RefusedVersions } from './refused-versions.ts';
import { ResendReasons } from './resend-reasons.ts';

/** What the judge has to know of the client. */
export interface ClientView {
  held(typeUrl: string): ReadonlyMap<string, Held>;
  watches(typeUrl: string, name: string): boolean;
  /** Whether a cluster warms that waits for this assignment. */
  awaits(eds: string): boolean;
}

/** Judges the messages of the server, one by one: what a server must not send to this client at this moment. */
export class ServerConduct {
  readonly #variant: Variant;
  readonly #client: ClientView;
  readonly #describe: Describe;
  readonly #reasons: ResendReasons;
  readonly #refused = new RefusedVersions();
  #nonces = new Set<string>();

  constructor(variant: Variant, client: ClientView, describe: Describe) {
    this.#variant = variant;
    this.#client = client;
    this.#describe = describe;
    this.#reasons = new ResendReasons(variant);
  }

  streamOpened(): void {
    this.#reasons.streamOpened();
    this.#refused.streamOpened();
    this.#nonces = new Set();
  }

  atRest(): void {
    this.#reasons.atRest();
  }

  requested(request: ModelRequest, nowMs: number): void {
    this.#refused.told(request, nowMs);
    for (const name of this.#reasons.requested(request)) this.#refused.askedAgain(request.typeUrl, name);
  }

  /** Judged before the client takes it: compared with what it has up to here. */
  judge(response: ModelResponse, sentMs: number): readonly string[] {
    const short = shortName(response.typeUrl);
    const problems = [
      ...(this.#reasons.wasAsked(response.typeUrl) ? [] : [`unasked: ${short} was never asked for on this stream`]),
      ...this.#nonce(response).map((nonce) => `nonce: ${short} response ${nonce} came before`),
      ...twice(response).map((name) => `twice: ${short} ${name} stands twice in one response`),
      ...this.#refused
        .repeatedIn(response, sentMs)
        .map(({ name, version }) => `repeat after NACK: ${short} ${name} version ${version}`),
      ...this.#needless(response).map((name) => `needless: ${short} ${name} is unchanged and was not asked for again`),
    ];
    if (response.typeUrl === TYPE.cluster) this.#noteChangedClusters(response);
    return problems;
  }

  refused(response: ModelResponse, culprits: readonly string[], named: boolean): void {
    this.#refused.refused(response, culprits, named);
    // What stood beside the culprit did not arrive either.
    for (const { name } of response.resources) this.#reasons.grant(response.typeUrl, name);
    if (this.#isWhole(response.typeUrl)) this.#reasons.grant(response.typeUrl, '*');
  }

  #nonce({ typeUrl, nonce }: ModelResponse): readonly string[] {
    const key = `${typeUrl} ${nonce}`;
    if (this.#nonces.has(key)) return [nonce];
    this.#nonces.add(key);
    return [];
  }

  #needless({ typeUrl, resources }: ModelResponse): readonly string[] {
    const held = this.#client.held(typeUrl);
    const full = resources.filter(({ body }) => body !== undefined);
    if (this.#isWhole(typeUrl)) {
      const same = full.length === held.size && full.every((one) => held.get(one.name)?.content === contentOf(one));
      return this.#reasons.use(typeUrl, '*') || !same ? [] : ['(all)'];
    }
    return full.filter((one) => this.#isNeedless(typeUrl, one, held.get(one.name))).map(({ name }) => name);
  }

  #isNeedless(typeUrl: string, resource: ModelResource, held: Held | undefined): boolean {
    if (!this.#client.watches(typeUrl, resource.name)) return false;
    // The reason is used up by whatever comes, changed or not: it was the answer.
    const hasReason = this.#reasons.use(typeUrl, resource.name);
    if (hasReason || held?.content !== contentOf(resource)) return false;
    return resource.ttlMs === undefined && !(typeUrl === TYPE.endpoint && this.#client.awaits(resource.name));
  }

  /** After a change of a cluster its assignment is due again, if the client is subscribed to it by now. */
  #noteChangedClusters({ resources }: ModelResponse): void {
    const held = this.#client.held(TYPE.cluster);
    for (const resource of resources) {
      if (resource.body === undefined || held.get(resource.name)?.content === contentOf(resource)) continue;
      const { eds } = this.#describe(resource, TYPE.cluster) as ClusterBody;
      if (eds !== undefined && this.#client.watches(TYPE.endpoint, eds)) this.#reasons.grant(TYPE.endpoint, eds);
    }
  }

  /** SotW clusters and listeners: a response is the whole state, so unchanged members are no fault. */
  #isWhole(typeUrl: string): boolean {
    return this.#variant === 'Sotw' && (typeUrl === TYPE.cluster || typeUrl === TYPE.listener);
  }
}

function twice({ resources, removed }: ModelResponse): readonly string[] {
  const names = [...resources.map(({ name }) => name), ...removed];
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))];
}
