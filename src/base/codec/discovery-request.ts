import { decodeNode, type Node } from './node.ts';
import { Scanner } from './scan.ts';
import { asBuffer, LENGTH } from './wire.ts';

type Request = {
  /** '' when the client left it out. */
  readonly typeUrl: string;
  /** Answers the response of this nonce; '' in a request that answers none. */
  readonly nonce: string;
  /** Its presence makes the request a NACK. */
  readonly errorDetail?: { readonly message: string };
  readonly node?: Node;
};

/** `envoy.service.discovery.v3.DeltaDiscoveryRequest`. */
export type DeltaRequest = Request & {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name to version of what the client holds; only in the first request of a type on a stream. */
  readonly initialVersions: Readonly<Record<string, string>>;
};

/** `envoy.service.discovery.v3.DiscoveryRequest`. */
export type SotwRequest = Request & {
  /** The full set of names, always. */
  readonly names: readonly string[];
  readonly version: string;
};

export type RequestOptions = {
  /**
   * Whether to read the node. Otherwise it is stepped over by its length: Envoy 1.36 and 1.37 send their whole node, about
   * 50 KB, with every delta request, ACKs included.
   */
  readonly node?: boolean;
  /** Type URLs that are likely, so that their text is not made anew for each request. */
  readonly typeUrls?: TypeUrls;
};

const DELTA = { node: 1, typeUrl: 2, subscribe: 3, unsubscribe: 4, initialVersions: 5, nonce: 6, errorDetail: 7 };
const SOTW = { version: 1, node: 2, names: 3, typeUrl: 4, nonce: 5, errorDetail: 6 };

const NO_NAMES: readonly string[] = [];
const NO_VERSIONS: Readonly<Record<string, string>> = Object.freeze(Object.create(null) as Record<string, string>);
const KEPT_CHARACTERS = 4096;

/** Type URLs as bytes, to recognise them without making a string. */
export class TypeUrls {
  readonly #known: readonly { readonly url: string; readonly bytes: Buffer }[];

  constructor(urls: readonly string[]) {
    this.#known = urls.map((url) => ({ url, bytes: Buffer.from(url) }));
  }

  read(scanner: Scanner): string {
    for (const { url, bytes } of this.#known) if (scanner.equals(bytes)) return url;
    return scanner.text();
  }
}

/** Throws LOADLINE_CODEC_UNREADABLE. */
export function decodeDeltaRequest(bytes: Uint8Array, options: RequestOptions = {}): DeltaRequest {
  const scanner = new Scanner(inBuffer(bytes), 'DeltaDiscoveryRequest');
  let typeUrl = '';
  let nonce = '';
  let node: Buffer | undefined;
  let errorDetail: Request['errorDetail'];
  let subscribe: string[] | undefined;
  let unsubscribe: string[] | undefined;
  let initialVersions: Record<string, string> | undefined;
  while (scanner.next()) {
    if (scanner.wireType !== LENGTH) continue;
    switch (scanner.field) {
      case DELTA.typeUrl:
        typeUrl = options.typeUrls?.read(scanner) ?? scanner.text();
        break;
      case DELTA.nonce:
        nonce = scanner.text();
        break;
      case DELTA.subscribe:
        subscribe ??= [];
        subscribe.push(scanner.text());
        break;
      case DELTA.unsubscribe:
        unsubscribe ??= [];
        unsubscribe.push(scanner.text());
        break;
      case DELTA.initialVersions: {
        initialVersions ??= Object.create(null) as Record<string, string>;
        const [name, version] = readEntry(scanner.slice());
        initialVersions[name] = version;
        break;
      }
      case DELTA.errorDetail:
        errorDetail = readStatus(scanner.slice());
        break;
      case DELTA.node:
        node = scanner.slice();
        break;
    }
  }
  return {
    typeUrl,
    nonce,
    subscribe: subscribe ?? NO_NAMES,
    unsubscribe: unsubscribe ?? NO_NAMES,
    initialVersions: initialVersions ?? NO_VERSIONS,
    ...rest(errorDetail, options.node === true ? node : undefined),
  };
}

/** Throws LOADLINE_CODEC_UNREADABLE. */
export function decodeSotwRequest(bytes: Uint8Array, options: RequestOptions = {}): SotwRequest {
  const scanner = new Scanner(inBuffer(bytes), 'DiscoveryRequest');
  let typeUrl = '';
  let nonce = '';
  let version = '';
  let node: Buffer | undefined;
  let errorDetail: Request['errorDetail'];
  let names: string[] | undefined;
  while (scanner.next()) {
    if (scanner.wireType !== LENGTH) continue;
    switch (scanner.field) {
      case SOTW.typeUrl:
        typeUrl = options.typeUrls?.read(scanner) ?? scanner.text();
        break;
      case SOTW.nonce:
        nonce = scanner.text();
        break;
      case SOTW.version:
        version = scanner.text();
        break;
      case SOTW.names:
        names ??= [];
        names.push(scanner.text());
        break;
      case SOTW.errorDetail:
        errorDetail = readStatus(scanner.slice());
        break;
      case SOTW.node:
        node = scanner.slice();
        break;
    }
  }
  return {
    typeUrl,
    nonce,
    version,
    names: names ?? NO_NAMES,
    ...rest(errorDetail, options.node === true ? node : undefined),
  };
}

function inBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : asBuffer(bytes);
}

function rest(errorDetail: Request['errorDetail'], node: Buffer | undefined): Pick<Request, 'errorDetail' | 'node'> {
  if (errorDetail === undefined && node === undefined) return NOTHING;
  return {
    ...(errorDetail === undefined ? {} : { errorDetail }),
    ...(node === undefined ? {} : { node: decodeNode(node) }),
  };
}

const NOTHING: Pick<Request, 'errorDetail' | 'node'> = {};

function readEntry(bytes: Buffer): [string, string] {
  const scanner = new Scanner(bytes, 'DeltaDiscoveryRequest.initial_resource_versions');
  let key = '';
  let value = '';
  while (scanner.next()) {
    if (scanner.wireType !== LENGTH) continue;
    if (scanner.field === 1) key = scanner.text();
    else if (scanner.field === 2) value = scanner.text();
  }
  return [key, value];
}

/** `google.rpc.Status`; of its message only the end is kept when it is long: Envoy puts the reason there. */
function readStatus(bytes: Buffer): { message: string } {
  const scanner = new Scanner(bytes, 'error_detail');
  let message = '';
  while (scanner.next()) {
    if (scanner.field !== 2 || scanner.wireType !== LENGTH) continue;
    message = scanner.text();
  }
  if (message.length <= 2 * KEPT_CHARACTERS) return { message };
  return { message: `${message.slice(0, KEPT_CHARACTERS)} … ${message.slice(-KEPT_CHARACTERS)}` };
}
