import { readFile } from 'node:fs/promises';
import { type CallCredentials, credentials, Metadata, status } from '@grpc/grpc-js';

const MAX_TOKEN_CHARS = 16 * 1024;

/**
 * Sends the bearer token that a file holds. It is read with each call, since such tokens live for minutes and whoever
 * renews them writes the file anew; on a command line it would be there for all to see.
 */
export function tokenCredentials(path: string): CallCredentials {
  return credentials.createFromMetadataGenerator((_options, callback) => {
    readTokenFile(path).then(
      (token) => {
        const metadata = new Metadata();
        metadata.set('authorization', `Bearer ${token}`);
        callback(null, metadata);
      },
      (error: Error) => callback(Object.assign(error, { code: status.UNAUTHENTICATED })),
    );
  });
}

/** Nothing of the content is in an error. */
export async function readTokenFile(path: string): Promise<string> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new Error(`the token file ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (text.length > MAX_TOKEN_CHARS || !/^[!-~]+$/.test(text)) throw new Error(`the token file ${path} holds no token`);
  return text;
}
