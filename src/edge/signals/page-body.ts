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
    const unfit = unfitAnswer(headOf(response), options);
    if (unfit !== undefined) {
      resolve(unfit);
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    const zipped = encodingOf(headOf(response)) === 'gzip';
    const stream = zipped ? response.pipe(createGunzip()) : response;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= options.maxBytes) {
        chunks.push(chunk);
        return;
      }
      stream.destroy();
      resolve(tooLarge(options.maxBytes));
    });
    stream.on('end', () => resolve(response.complete ? Buffer.concat(chunks, size) : CLOSED));
    if (zipped) stream.on('error', () => resolve({ reason: 'Protocol', message: 'the gzip body cannot be read' }));
    response.on('close', () => {
      if (!response.complete) resolve(CLOSED);
    });
  });
}

export const CLOSED: Failure = { reason: 'Closed', message: 'the connection was closed in the middle of the page' };

/** What decides whether an answer is fit to be read. */
export type AnswerHead = {
  readonly status: number;
  /** '' where nothing is said. */
  readonly encoding: string;
  readonly announcedBytes: number | undefined;
};

export function unfitAnswer(head: AnswerHead, { gzip, maxBytes }: BodyOptions): Failure | undefined {
  const { status, announcedBytes = 0 } = head;
  if (status !== 200) {
    const redirect = status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
    return { reason: 'Status', message: `answered ${status}${redirect}` };
  }
  const encoding = encodingOf(head);
  if (encoding !== 'identity' && !(gzip && encoding === 'gzip')) {
    return { reason: 'Protocol', message: 'answered in an encoding that was not asked for' };
  }
  return announcedBytes > maxBytes ? tooLarge(maxBytes) : undefined;
}

export function tooLarge(maxBytes: number): Failure {
  return { reason: 'TooLarge', message: `the page is larger than ${maxBytes} bytes` };
}

function headOf({ statusCode = 0, headers }: IncomingMessage): AnswerHead {
  const announced = headers['content-length'];
  return {
    status: statusCode,
    encoding: headers['content-encoding'] ?? '',
    announcedBytes: announced === undefined ? undefined : Number(announced),
  };
}

function encodingOf({ encoding }: AnswerHead): string {
  return encoding === '' ? 'identity' : encoding.trim().toLowerCase();
}
