/** The little of HTTP/2 (RFC 9113) that one long gRPC call needs. */
export const FRAME = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;

export const FLAG = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8 } as const;
export const FRAME_HEAD_BYTES = 9;
export const GRPC_HEAD_BYTES = 5;
/** Both sides' until SETTINGS say otherwise. */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const DEFAULT_FRAME_BYTES = 16_384;
export const SETTING = { initialWindowSize: 4, maxFrameSize: 5 } as const;

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  writeFrameHead(bytes, payload.length, type, flags, stream);
  payload.copy(bytes, FRAME_HEAD_BYTES);
  return bytes;
}

export function writeFrameHead(into: Buffer, length: number, type: number, flags: number, stream: number): void {
  into.writeUIntBE(length, 0, 3);
  into[3] = type;
  into[4] = flags;
  into.writeUInt32BE(stream, 5);
}

export function windowUpdate(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(FRAME.windowUpdate, 0, stream, payload);
}

/**
 * All that goes out before the first message: preface, SETTINGS, the connection's window and the HEADERS of stream 1. The
 * header block has no Huffman code and adds nothing to the dynamic table, so one block serves every connection.
 */
export function opening(input: {
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  readonly path: string;
  readonly windowBytes: number;
}): Buffer {
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(SETTING.initialWindowSize);
  setting.writeUInt32BE(input.windowBytes, 2);
  const block = Buffer.concat([
    // Indexed fields of the static table: `:method: POST` is 3, `:scheme` 6 (http) or 7 (https).
    Buffer.from([0x83, input.scheme === 'http' ? 0x86 : 0x87]),
    literal(4, input.path),
    literal(1, input.authority),
    literal(31, 'application/grpc'),
    literal('te', 'trailers'),
  ]);
  return Buffer.concat([
    Buffer.from(PREFACE),
    frame(FRAME.settings, 0, 0, setting),
    windowUpdate(0, input.windowBytes - DEFAULT_WINDOW_BYTES),
    frame(FRAME.headers, FLAG.endHeaders, 1, block),
  ]);
}

/** HPACK literal without indexing; the name by its index in the static table, or spelled out. Strings below 127 bytes. */
function literal(name: number | string, value: string): Buffer {
  const index = typeof name === 'string' ? [0] : name < 15 ? [name] : [15, name - 15];
  return Buffer.concat([Buffer.from(index), ...(typeof name === 'string' ? [text(name)] : []), text(value)]);
}

function text(value: string): Buffer {
  if (value.length > 126) throw new Error(`too long for the short form: ${value}`);
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}
