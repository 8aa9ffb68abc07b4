import type { Frame, FrameFault } from './frame-reader.ts';
import { DEFAULT_FRAME_BYTES, ERROR, FLAG, FRAME, MAX_FRAME_BYTES, MAX_WINDOW_BYTES, SETTING } from './frames.ts';

/** What a peer did wrong: the code for GOAWAY, and why in words. */
export type Fault = { readonly code: number; readonly reason: string };

const PRIORITY_BYTES = 5;
const SETTING_BYTES = 6;
/** There are six, and some that test whether we ignore them (CVE-2020-11080). */
const MAX_SETTINGS = 32;

/** Why what a peer sends cannot even be cut into frames. */
export function readFault(fault: FrameFault): Fault {
  return fault === 'NoHttp2'
    ? protocol('the peer does not speak HTTP/2')
    : size(`a frame of more than ${DEFAULT_FRAME_BYTES} bytes`);
}

/** What a frame breaks by its form alone, whatever was before it (RFC 9113, section 6). */
export function formFault(frame: Frame): Fault | undefined {
  const { type, flags, stream, start, end } = frame;
  const length = end - start;
  switch (type) {
    case FRAME.data:
      if (stream === 0) return protocol('DATA without a stream');
      return badPadding(frame) ? protocol('DATA with too much padding') : undefined;
    case FRAME.headers:
      if (stream % 2 === 0) return protocol('HEADERS on a stream that clients cannot open');
      return badPadding(frame) ? protocol('HEADERS with too much padding') : priorityFault(frame);
    case FRAME.priority:
      // Without effect since RFC 9113, but its form is still to be looked at.
      if (stream === 0) return protocol('PRIORITY without a stream');
      if (length !== PRIORITY_BYTES) return size('PRIORITY of a wrong size');
      return dependsOnItself(frame, start);
    case FRAME.rstStream:
      return length === 4 ? undefined : size('RST_STREAM of a wrong size');
    case FRAME.settings:
      if (stream !== 0) return protocol('SETTINGS on a stream');
      if (length > MAX_SETTINGS * SETTING_BYTES) return { code: ERROR.enhanceYourCalm, reason: 'too many settings' };
      return length % SETTING_BYTES !== 0 || ((flags & FLAG.ack) !== 0 && length > 0)
        ? size('SETTINGS of a wrong size')
        : settingsFault(frame);
    case FRAME.pushPromise:
      return protocol('PUSH_PROMISE from a client');
    case FRAME.ping:
      if (stream !== 0) return protocol('PING on a stream');
      return length === 8 ? undefined : size('PING of a wrong size');
    case FRAME.goAway:
      if (stream !== 0) return protocol('GOAWAY on a stream');
      return length >= 8 ? undefined : size('a short GOAWAY');
    case FRAME.windowUpdate:
      return length === 4 ? undefined : size('WINDOW_UPDATE of a wrong size');
    default:
      // Frames of a type that is not known are to be ignored (5.5).
      return undefined;
  }
}

/** Where the payload is, without padding and priority; of a frame without a fault. */
export function payloadOf({ type, flags, bytes, start, end }: Frame): { readonly start: number; readonly end: number } {
  const padded = (flags & FLAG.padded) !== 0;
  const priority = type === FRAME.headers && (flags & FLAG.priority) !== 0;
  return {
    start: start + (padded ? 1 : 0) + (priority ? PRIORITY_BYTES : 0),
    end: padded ? end - (bytes[start] as number) : end,
  };
}

/** The settings of a frame without a fault. */
export function settingsOf({ bytes, start, end }: Frame): readonly (readonly [id: number, value: number])[] {
  const settings: [number, number][] = [];
  for (let at = start; at < end; at += SETTING_BYTES)
    settings.push([bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2)]);
  return settings;
}

function settingsFault(frame: Frame): Fault | undefined {
  for (const [id, value] of settingsOf(frame)) {
    if (id === SETTING.enablePush && value > 1) return protocol('ENABLE_PUSH above 1');
    if (id === SETTING.maxFrameSize && (value < DEFAULT_FRAME_BYTES || value > MAX_FRAME_BYTES))
      return protocol('MAX_FRAME_SIZE out of range');
    if (id === SETTING.initialWindowSize && value > MAX_WINDOW_BYTES)
      return { code: ERROR.flowControlError, reason: 'INITIAL_WINDOW_SIZE out of range' };
  }
  return undefined;
}

function badPadding({ bytes, start, end, flags }: Frame): boolean {
  return (flags & FLAG.padded) !== 0 && (start === end || start + 1 + (bytes[start] as number) > end);
}

function priorityFault(frame: Frame): Fault | undefined {
  if ((frame.flags & FLAG.priority) === 0) return undefined;
  const { start, end } = payloadOf(frame);
  if (start > end) return size('HEADERS without room for their priority');
  return dependsOnItself(frame, start - PRIORITY_BYTES);
}

function dependsOnItself({ bytes, stream }: Frame, at: number): Fault | undefined {
  const itself = (bytes.readUInt32BE(at) & MAX_WINDOW_BYTES) === stream;
  return itself ? protocol('a stream that depends on itself') : undefined;
}

function protocol(reason: string): Fault {
  return { code: ERROR.protocolError, reason };
}

function size(reason: string): Fault {
  return { code: ERROR.frameSizeError, reason };
}
