import { decodeMessage, encodeMessage, type JsonObject } from '../../src/base/codec/index.ts';
import { nameOfUrl, TYPES, type TypeName, urlOf, type Variant } from './protocol.ts';

const MESSAGES = {
  delta: {
    request: 'envoy.service.discovery.v3.DeltaDiscoveryRequest',
    response: 'envoy.service.discovery.v3.DeltaDiscoveryResponse',
  },
  sotw: {
    request: 'envoy.service.discovery.v3.DiscoveryRequest',
    response: 'envoy.service.discovery.v3.DiscoveryResponse',
  },
} as const;
const RESOURCE = 'envoy.service.discovery.v3.Resource';
/** Numbers of `resources` by variant; `nonce` has the same one in both. */
const RESOURCES = { delta: 2, sotw: 2 } as const;
const NONCE = 5;

/** What a request may say. Fields of the other variant are an error of the test. */
export type RequestPart = {
  readonly subscribe?: readonly string[];
  readonly unsubscribe?: readonly string[];
  readonly initialVersions?: Readonly<Record<string, string>>;
  readonly names?: readonly string[];
  readonly versionInfo?: string;
  readonly nonce?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
};

/** One resource as it came. */
export type Item = {
  readonly name: string;
  /** Delta, and state of the world where the resource is wrapped; else ''. */
  readonly version: string;
  readonly typeUrl: string;
  readonly hasBody: boolean;
  readonly body: Buffer;
  readonly ttlMs?: number;
  /** Whether it came inside an `envoy.service.discovery.v3.Resource`. */
  readonly wrapped: boolean;
  /** The field's bytes. */
  readonly raw: Buffer;
};

export type Response = {
  /** `eds`, or the URL of a type that the suite does not know. */
  readonly type: string;
  readonly typeUrl: string;
  readonly nonce: string;
  /** `version_info`, or `system_version_info` in delta. */
  readonly version: string;
  readonly items: readonly Item[];
  readonly removed: readonly string[];
  readonly bytes: Buffer;
  readonly atMs: number;
};

type Any = { readonly type_url?: string; readonly value?: Uint8Array };
type Duration = { readonly seconds?: number; readonly nanos?: number };
type Wrapper = { name?: string; version?: string; ttl?: Duration | null; resource?: Any | null };
type Message = {
  type_url?: string;
  nonce?: string;
  version_info?: string;
  system_version_info?: string;
  resources?: (Wrapper | Any)[];
  removed_resources?: string[];
};

export function encodeRequest(variant: Variant, typeUrl: string, part: RequestPart, node?: JsonObject): Buffer {
  const foreign = variant === 'delta' ? ['names', 'versionInfo'] : ['subscribe', 'unsubscribe', 'initialVersions'];
  const wrong = Object.keys(part).filter((key) => foreign.includes(key));
  if (wrong.length > 0) throw new Error(`${variant} has no ${wrong.join(', ')}`);
  const json: Record<string, unknown> = {
    node,
    type_url: typeUrl,
    response_nonce: part.nonce,
    error_detail: part.errorDetail,
    resource_names: part.names,
    version_info: part.versionInfo,
    resource_names_subscribe: part.subscribe,
    resource_names_unsubscribe: part.unsubscribe,
    initial_resource_versions: part.initialVersions,
  };
  const said = Object.fromEntries(Object.entries(json).filter(([, value]) => value !== undefined));
  return Buffer.from(encodeMessage(MESSAGES[variant].request, said as JsonObject));
}

export function decodeResponse(variant: Variant, bytes: Buffer): Response {
  const message = decodeMessage(MESSAGES[variant].response, bytes) as Message;
  const raws = fieldsOf(bytes)
    .filter(({ number }) => number === RESOURCES[variant])
    .map(({ content }) => content);
  const read = variant === 'delta' ? (one: object) => unwrap(one as Wrapper) : (one: object) => readAny(one as Any);
  return {
    type: nameOfUrl(message.type_url ?? ''),
    typeUrl: message.type_url ?? '',
    nonce: message.nonce ?? '',
    version: message.version_info ?? message.system_version_info ?? '',
    items: (message.resources ?? []).map((one, at) => ({ ...read(one), raw: raws[at] as Buffer })),
    removed: message.removed_resources ?? [],
    bytes,
    atMs: Date.now(),
  };
}

/** The response's bytes without what must differ from stream to stream. */
export function withoutNonce(response: Response): string {
  const rest = fieldsOf(response.bytes).filter(({ number }) => number !== NONCE);
  return Buffer.concat(rest.map(({ whole }) => whole)).toString('hex');
}

/** `eds +a,b -c`: a response in words, names sorted. */
export function inWords({ type, items, removed }: Response): string {
  const brought = items.map(({ name }) => name).sort();
  return `${type}${brought.length > 0 ? ` +${brought}` : ''}${removed.length > 0 ? ` -${[...removed].sort()}` : ''}`;
}

function unwrap(wrapper: Wrapper): Omit<Item, 'raw'> {
  const { ttl } = wrapper;
  return {
    name: wrapper.name ?? '',
    version: wrapper.version ?? '',
    typeUrl: wrapper.resource?.type_url ?? '',
    hasBody: wrapper.resource != null,
    body: Buffer.from(wrapper.resource?.value ?? []),
    wrapped: true,
    ...(ttl == null ? {} : { ttlMs: (ttl.seconds ?? 0) * 1000 + (ttl.nanos ?? 0) / 1e6 }),
  };
}

/** State of the world: the name is inside the message, unless the resource is wrapped for the sake of its TTL. */
function readAny(any: Any): Omit<Item, 'raw'> {
  const typeUrl = any.type_url ?? '';
  const body = Buffer.from(any.value ?? []);
  if (typeUrl === urlOf(RESOURCE) || typeUrl.endsWith(`/${RESOURCE}`)) return unwrap(decodeMessage(RESOURCE, body));
  const known = TYPES[nameOfUrl(typeUrl) as TypeName];
  if (known === undefined) throw new Error(`a resource of type ${typeUrl}`);
  const name = String(decodeMessage(typeUrl, body)[known.nameField] ?? '');
  return { name, version: '', typeUrl, hasBody: true, body, wrapped: false };
}

type Field = { readonly number: number; readonly whole: Buffer; readonly content: Buffer };

/** Cuts a message into its top-level fields; both responses have only length-delimited ones and the flag `canary`. */
function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    const varint = (): number => {
      for (let value = 0, shift = 0; ; shift += 7) {
        const byte = bytes[at++];
        if (byte === undefined) throw new Error('cut off');
        value += (byte & 127) * 2 ** shift;
        if (byte < 128) return value;
      }
    };
    const tag = varint();
    const length = varint();
    const from = at;
    if (tag % 8 === 2) at += length;
    else if (tag % 8 !== 0) throw new Error(`wire type ${tag % 8}`);
    fields.push({ number: Math.floor(tag / 8), whole: bytes.subarray(start, at), content: bytes.subarray(from, at) });
  }
  return fields;
}
