import { readFileSync, statSync } from 'node:fs';
import { contentHash, type Result } from '../../base/units/index.ts';

/** Paths of the files in PEM that `loadline serve` is given. */
export type TlsFiles = {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
  readonly clientCrl?: string | undefined;
};

export type TlsTexts = {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string;
  readonly clientCrl?: string | undefined;
  /** Of all of them: another hash is another content. */
  readonly hash: string;
};

/** The revocation list of a large authority has some megabytes. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;

/** Reads all of them at once. Paths are followed anew each time: a Kubernetes secret changes by a swap of symbolic links. */
export function readTlsFiles(files: TlsFiles): Result<TlsTexts> {
  const issues: string[] = [];
  const read = (path: string): string => {
    try {
      return readPem(path);
    } catch (error) {
      issues.push(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
      return '';
    }
  };
  const [cert, key, clientCa] = [read(files.cert), read(files.key), read(files.clientCa)];
  const clientCrl = files.clientCrl === undefined ? undefined : read(files.clientCrl);
  if (issues.length > 0) return { ok: false, issues: issues.map((message) => ({ code: 'TLS', path: '', message })) };
  const hash = contentHash(JSON.stringify([cert, key, clientCa, clientCrl]));
  return { ok: true, value: { cert, key, clientCa, clientCrl, hash }, warnings: [] };
}

/** A pipe would block the process, and a device never ends. @throws Error with a code, or in words. */
export function readPem(path: string): string {
  const status = statSync(path);
  if (!status.isFile()) throw new Error('it is no file');
  if (status.size > MAX_FILE_BYTES) throw new Error(`it has more than ${MAX_FILE_BYTES} bytes`);
  return readFileSync(path, 'utf8');
}
