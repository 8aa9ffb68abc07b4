import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import type { Failure } from './signal-source.ts';

export type BodyOptions = { readonly gzip: boolean; readonly maxBytes: number };

/**
 * Reads the body of an answer to its end, or says why not. The bound counts bytes after decompression. The caller
 * destroys the request when a failure comes back.
 */
export function readPageBody(response: IncomingMessage, options: BodyOptions): Promise<Buffer | Failure> {
  return new Promise((resolve) => {
    // Destroying a request makes its response fail, so this listener must stand before anything can end.
    response.on('error', () => resolve(CLOSED));
    const unfit = unfitAnswer(response, options);
    if (unfit !== undefined) {
      resolve(unfit);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    const zipped = encodingOf(response) === 'gzip';
    const stream = zipped ? response.pipe(createGunzip()) : response;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= options.maxBytes) {
        chunks.push(chunk);
        return;
      }
      stream.destroy();
      resolve(tooLarge(options));
    });
    stream.on('end', () => resolve(response.complete ? Buffer.concat(chunks, size) : CLOSED));
    if (zipped) stream.on('error', () => resolve({ reason: 'Protocol', message: 'the gzip body cannot be read' }));
    response.on('close', () => {
      if (!response.complete) resolve(CLOSED);
    });
  });
}

const CLOSED: Failure = { reason: 'Closed', message: 'the connection was closed in the middle of the page' };

function unfitAnswer(response: IncomingMessage, options: BodyOptions): Failure | undefined {
  const status = response.statusCode ?? 0;
  if (status !== 200) {
    const redirect = status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
    return { reason: 'Status', message: `answered ${status}${redirect}` };
  }
  const encoding = encodingOf(response);
  if (encoding !== 'identity' && !(options.gzip && encoding === 'gzip')) {
    return { reason: 'Protocol', message: 'answered in an encoding that was not asked for' };
  }
  return Number(response.headers['content-length'] ?? 0) > options.maxBytes ? tooLarge(options) : undefined;
}

function encodingOf(response: IncomingMessage): string {
  return (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
}

function tooLarge({ maxBytes }: BodyOptions): Failure {
  return { reason: 'TooLarge', message: `the page is larger than ${maxBytes} bytes` };
}
