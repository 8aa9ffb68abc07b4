import { createHash } from 'node:crypto';

/** First 16 hex digits of the SHA-256 of the content: the version of a resource, the revision of a policy. */
export function contentHash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}
