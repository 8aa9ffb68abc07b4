import { DEFAULT_WINDOW_BYTES, FRAME, numbersFrame, settingsFrame } from './frames.ts';

export const CONNECTION_WINDOW_BYTES: number = 4 * 1024 * 1024;
export const STREAM_WINDOW_BYTES: number = 1024 * 1024;
export const MAX_STREAMS = 256;
/** Pseudo-headers, metadata and a token. */
export const MAX_HEADER_LIST_BYTES: number = 16 * 1024;

/** What every client is told first: how much it may send. */
export const HELLO: Buffer = Buffer.concat([
  settingsFrame({
    enablePush: 0,
    maxConcurrentStreams: MAX_STREAMS,
    initialWindowSize: STREAM_WINDOW_BYTES,
    maxHeaderListSize: MAX_HEADER_LIST_BYTES,
  }),
  numbersFrame(FRAME.windowUpdate, 0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES),
]);
