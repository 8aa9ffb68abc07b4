import { scrubText } from '../../base/units/index.ts';
import type { SnapshotHead, SnapshotResource, SnapshotTarget, SnapshotView } from '../observe/index.ts';
import { fromSeconds, list, optional, text, texts, toSeconds, type Wire } from './wire-values.ts';

/**
 * How much of the content one message has, in characters: three bytes each at most. A gRPC client takes 4 MiB where nobody says
 * otherwise, and the assignment of 5,000 endpoints has more than one.
 */
const MESSAGE_CHARS = 256 * 1024;
/** Of a resource besides its content, its name and its place. */
const OTHER_CHARS = 150;

/** SnapshotTarget as loadline.admin.v1.SnapshotRequest. */
export function encodeSnapshotTarget(target: SnapshotTarget): Wire {
  return { ...target };
}

/** loadline.admin.v1.SnapshotRequest as SnapshotTarget. */
export function decodeSnapshotTarget(wire: Wire): SnapshotTarget {
  const named = (['node', 'group', 'envoyVersion', 'type'] as const).flatMap((key) => {
    const said = text(wire[key]);
    return said === '' ? [] : [[key, said] as const];
  });
  return { ...Object.fromEntries(named), names: texts(wire.names) };
}

/** Bounded messages (loadline.admin.v1.SnapshotResponse), each made when the one before was taken. */
export function* snapshotMessages(view: SnapshotView, messageChars: number = MESSAGE_CHARS): Iterable<Wire> {
  const { resources, ...head } = view;
  let pieces: Wire[] = [];
  let chars = 0;
  let isFirst = true;
  const message = (): Wire => {
    const wire = { ...(isFirst ? { head: encodeHead(head) } : {}), resources: pieces };
    pieces = [];
    chars = 0;
    isFirst = false;
    return wire;
  };
  for (const resource of resources) {
    for (const piece of piecesOf(resource, messageChars)) {
      const more = text(piece.content).length + resource.name.length + (resource.origin?.length ?? 0) + OTHER_CHARS;
      if (chars > 0 && chars + more > messageChars) yield message();
      pieces.push(piece);
      chars += more;
    }
  }
  if (isFirst || pieces.length > 0) yield message();
}

/** Puts the messages of one stream together. */
export class SnapshotReader {
  #head: SnapshotHead | undefined;
  readonly #resources: SnapshotResource[] = [];
  #begun: string[] = [];

  take(wire: Wire): void {
    if (wire.head !== undefined && wire.head !== null) this.#head = decodeHead(wire.head as Wire);
    for (const piece of list(wire.resources, (one) => one)) {
      this.#begun.push(text(piece.content));
      if (piece.more === true) continue;
      this.#resources.push(decodeResource(piece, this.#begun.join('')));
      this.#begun = [];
    }
  }

  /** Undefined when the stream ended in the middle. */
  get view(): SnapshotView<readonly SnapshotResource[]> | undefined {
    return this.#head === undefined || this.#begun.length > 0
      ? undefined
      : { ...this.#head, resources: this.#resources };
  }
}

function* piecesOf(resource: SnapshotResource, chars: number): Iterable<Wire> {
  const { ttlMs, content, ...rest } = resource;
  // What an operator writes into a URL is no field that Envoy calls sensitive.
  const json = JSON.stringify(content, (_key, value) => (typeof value === 'string' ? scrubText(value) : value));
  const about = { ...rest, ttl: toSeconds(ttlMs) };
  for (let at = 0; ; ) {
    const end = endOfPiece(json, at, chars);
    const more = end < json.length;
    yield { ...about, content: json.slice(at, end), more };
    if (!more) return;
    at = end;
  }
}

/** Never between the two halves of one character. */
function endOfPiece(json: string, at: number, chars: number): number {
  const end = at + chars;
  if (end >= json.length) return json.length;
  const last = json.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end + 1 : end;
}

function encodeHead({ nowMs, track, ...head }: SnapshotHead): Wire {
  return { ...head, canary: track === 'Canary', now: toSeconds(nowMs) };
}

function decodeHead(wire: Wire): SnapshotHead {
  return {
    node: text(wire.node),
    group: text(wire.group),
    envoyVersion: text(wire.envoyVersion),
    track: wire.canary === true ? 'Canary' : 'Stable',
    policyRevision: text(wire.policyRevision),
    nowMs: fromSeconds(wire.now) ?? 0,
  };
}

function decodeResource(wire: Wire, content: string): SnapshotResource {
  return {
    type: text(wire.type),
    name: text(wire.name),
    version: text(wire.version),
    ...optional('origin', wire.origin, text),
    ...optional('revision', wire.revision, text),
    ...optional('ttlMs', wire.ttl, (value) => fromSeconds(value) ?? 0),
    content: JSON.parse(content) as unknown,
  };
}
