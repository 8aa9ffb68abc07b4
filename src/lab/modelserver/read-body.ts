import type { IncomingMessage } from 'node:http';

/** The whole body as text, or undefined when it is longer than `limitBytes`. Rejects when the client goes away. */
export function readBody(request: IncomingMessage, limitBytes: number): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= limitBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.on('end', () => resolve(bytes <= limitBytes ? Buffer.concat(chunks).toString('utf8') : undefined));
    request.on('error', reject);
    request.on('close', () => reject(new Error('the client closed the connection')));
  });
}
