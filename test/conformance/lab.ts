import type { JsonObject } from '../../src/base/codec/index.ts';
import type { TypeName, Variant, Via } from './protocol.ts';
import { bodyOf, type Spec } from './resources.ts';
import { GROUP, startTarget, type Target } from './target.ts';
import { type WireClient, WireConnection } from './wire-client.ts';
import { inWords, type Response } from './wire-message.ts';

/** Long enough for an unwanted response to arrive, short enough to be waited for a hundred times. */
export const QUIET_MS = 120;

/** A server may hold something back for the sake of order, but not for ever because one client does not answer or ask. */
export const BOUNDED_MS = 8500;

export type Opening = {
  readonly variant: Variant;
  /** Absent: aggregated. */
  readonly via?: Via;
  readonly type?: TypeName;
  readonly id?: string;
  readonly group?: string;
  readonly on?: WireConnection;
};

/** A server of its own and the clients of one test; gone when the test is. */
export class Lab {
  readonly target: Target;
  readonly #connections: WireConnection[] = [];
  readonly #clients: WireClient[] = [];

  static async start(...specs: readonly Spec[]): Promise<Lab> {
    const target = await startTarget();
    await target.set(specs);
    return new Lab(target);
  }

  constructor(target: Target) {
    this.target = target;
  }

  set(...specs: readonly Spec[]): Promise<void> {
    return this.target.set(specs);
  }

  connect(): WireConnection {
    const connection = new WireConnection(this.target.address);
    this.#connections.push(connection);
    return connection;
  }

  open(opening: Opening): WireClient {
    const { variant, via, type, on } = opening;
    const service = via === 'per-type' ? type : 'ads';
    if (service === undefined) throw new Error('a per-type stream needs its type');
    const client = (on ?? this.connect()).open({ variant, service, node: nodeOf(opening) });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const connection of this.#connections) connection.close();
    await this.target.stop();
  }
}

/** An Envoy's node, with the features without which no TTL may be sent. */
function nodeOf({ id = 'a', group = GROUP }: Opening): JsonObject {
  return {
    id,
    cluster: group,
    user_agent_name: 'envoy',
    user_agent_build_version: { version: { major_number: 1, minor_number: 40, patch: 0 } },
    client_features: ['xds.config.supports-resource-ttl', 'xds.config.supports-resource-in-sotw'],
  };
}

/** What a client holds of a type: name to body, to be compared with `bodiesOf` the resources that it should hold. */
export function heldBy(client: WireClient, type: TypeName): Record<string, string> {
  return Object.fromEntries([...client.held(type)].map(([name, { body }]) => [name, body.toString('base64')]));
}

export function bodiesOf(...specs: readonly Spec[]): Record<string, string> {
  return Object.fromEntries(specs.map((spec) => [spec.name, bodyOf(spec).toString('base64')]));
}

export function holds(client: WireClient, ...specs: readonly Spec[]): boolean {
  return specs.every((spec) => client.held(spec.type).get(spec.name)?.body.equals(bodyOf(spec)) === true);
}

/** Names that responses said are not there. */
export function removedIn(heard: readonly Response[]): string[] {
  return heard.flatMap(({ removed }) => removed);
}

export function namesOf(response: Response): string[] {
  return response.items.map(({ name }) => name);
}

/** ACKs what comes within a while: where the protocol allows an answer and does not ask for it. */
export async function settle(client: WireClient, forMs: number = QUIET_MS): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, forMs));
  while (client.unread.length > 0) await client.accept();
}

/** ACKs all that comes until the client is content; returns what came. */
export async function acceptUntil(
  client: WireClient,
  content: (heard: readonly Response[]) => boolean,
  limitMs = 5000,
): Promise<Response[]> {
  const heard: Response[] = [];
  for (const deadline = Date.now() + limitMs; !content(heard); ) {
    const left = deadline - Date.now();
    if (left <= 0) throw new Error(`not content within ${limitMs} ms; heard ${heard.map(inWords).join('; ')}`);
    heard.push(await client.accept(undefined, left));
  }
  return heard;
}
