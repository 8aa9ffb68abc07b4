export { type Address, formatAddress, isLoopback, parseAddress } from './address.ts';
export { type Backoff, backoffMs } from './backoff.ts';
export { formatDuration, parseDurationMs, protoDuration } from './duration.ts';
export { contentHash } from './hash.ts';
export { type Random, seededRandom } from './random.ts';
export { emptyRecord } from './record.ts';
export type { Issue, Position, Result } from './result.ts';
export { REDACTED, scrubText } from './scrub-text.ts';
