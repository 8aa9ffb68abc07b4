/** Numbers of RFC 9113, section 6 and 7. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const ERROR = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export const FRAME_HEAD_BYTES = 9;
export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
/** Of both sides until SETTINGS say otherwise. */
export const DEFAULT_WINDOW_BYTES = 65_535;
export const MAX_WINDOW_BYTES = 0x7fffffff;
/** What every peer must take, and more than which we do not. */
export const DEFAULT_FRAME_BYTES = 16_384;
export const MAX_FRAME_BYTES = 0xffffff;

/** Smaller payloads are copied behind the head of their frame: one small write is cheaper than two pieces. */
const COPIED_BYTES = 4096;

/** A frame that has room for its payload. */
export function emptyFrame(type: number, flags: number, stream: number, payloadBytes: number): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payloadBytes);
  bytes[0] = payloadBytes >>> 16;
  bytes[1] = payloadBytes >>> 8;
  bytes[2] = payloadBytes;
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  return bytes;
}

export function frameOf(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = emptyFrame(type, flags, stream, payload.length);
  bytes.set(payload, FRAME_HEAD_BYTES);
  return bytes;
}

/** A payload of 32-bit numbers: RST_STREAM, WINDOW_UPDATE, GOAWAY. */
export function numbersFrame(type: number, stream: number, ...numbers: readonly number[]): Buffer {
  const bytes = emptyFrame(type, 0, stream, 4 * numbers.length);
  numbers.forEach((number, index) => {
    bytes.writeUInt32BE(number, FRAME_HEAD_BYTES + 4 * index);
  });
  return bytes;
}

export function settingsFrame(settings: Readonly<Partial<Record<keyof typeof SETTING, number>>>): Buffer {
  const pairs = Object.entries(settings) as [keyof typeof SETTING, number][];
  const bytes = emptyFrame(FRAME.settings, 0, 0, 6 * pairs.length);
  pairs.forEach(([name, value], index) => {
    bytes.writeUInt16BE(SETTING[name], FRAME_HEAD_BYTES + 6 * index);
    bytes.writeUInt32BE(value, FRAME_HEAD_BYTES + 6 * index + 2);
  });
  return bytes;
}

/** Bytes as DATA, in frames that the peer takes; heads and views of the bytes where they are many. */
export function dataFrames(stream: number, bytes: Buffer, maxFrameBytes: number): readonly Buffer[] {
  if (bytes.length <= COPIED_BYTES) return [frameOf(FRAME.data, 0, stream, bytes)];
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += maxFrameBytes) {
    const piece = bytes.subarray(at, at + maxFrameBytes);
    const head = emptyFrame(FRAME.data, 0, stream, 0);
    head.writeUIntBE(piece.length, 0, 3);
    frames.push(head, piece);
  }
  return frames;
}
