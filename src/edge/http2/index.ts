export { type ConnectionListener, Http2Connection } from './connection.ts';
export { ERROR } from './frames.ts';
export { encodeHeaders } from './hpack/encode.ts';
export type { Request } from './request.ts';
export type { Http2Stream, StreamListener } from './stream.ts';
