import { createHash } from 'node:crypto';

/** Version of what stands in a checkpoint. A change that old code cannot read raises it. */
export const SCHEMA = 2;
/** Who reads what stands in one of these brings it up to date: 1 named endpoints in the memory of each sidecar. */
const READABLE: readonly unknown[] = [1, SCHEMA];

const FORMAT = 'loadline-checkpoint';
const NEWLINE = 0x0a;
const MAX_HEADER_BYTES = 1024;

export type Generation = { readonly generation: number; readonly content: unknown };

export type Decoded =
  | { readonly ok: true; readonly value: Generation }
  | { readonly ok: false; readonly code: 'CHECKPOINT_CORRUPT' | 'CHECKPOINT_SCHEMA'; readonly reason: string };

/**
 * One line of header with length and SHA-256 of the body, then the body: a file cut short, overwritten or from another
 * version of Loadline is told apart from a good one before a byte of it is believed.
 */
export function encodeGeneration({ generation, content }: Generation): Uint8Array {
  const body = Buffer.from(JSON.stringify(content));
  const header = { format: FORMAT, schema: SCHEMA, generation, bytes: body.length, sha256: sha256(body) };
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]);
}

export function decodeGeneration(bytes: Uint8Array): Decoded {
  const end = bytes.subarray(0, MAX_HEADER_BYTES).indexOf(NEWLINE);
  if (end < 0) return corrupt('it has no header line');
  const header = parse(bytes.subarray(0, end));
  if (!isRecord(header) || header.format !== FORMAT) return corrupt('its header line is not one of a checkpoint');
  const { schema, generation, bytes: length, sha256: sum } = header;
  if (!READABLE.includes(schema)) {
    return {
      ok: false,
      code: 'CHECKPOINT_SCHEMA',
      reason: `it has schema ${String(schema)}; this is schema ${SCHEMA}`,
    };
  }
  if (typeof generation !== 'number' || !Number.isSafeInteger(generation))
    return corrupt('its generation is no number');
  const body = bytes.subarray(end + 1);
  if (body.length !== length) return corrupt(`it has ${body.length} bytes instead of ${String(length)}`);
  if (sha256(body) !== sum) return corrupt('its checksum does not match');
  const content = parse(body);
  return content === undefined ? corrupt('its body is not JSON') : { ok: true, value: { generation, content } };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function corrupt(reason: string): Decoded {
  return { ok: false, code: 'CHECKPOINT_CORRUPT', reason };
}

/** undefined when it is no JSON; JSON itself has no such value. */
function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
