import { z } from 'zod';
import type { AuditRecord } from '../audit/audit-record.ts';

/**
 * What stands in each kind of record. A record whose checksum is right may still hold nonsense, from a mistake of an
 * earlier version or of a hand that edited it: a row with blank fields has stopped larger systems than this one.
 */

const count = z.number().int().nonnegative();
const operation = z.enum(['Put', 'Delete']);
const hex = z.string().regex(/^[0-9a-f]{64}$/);
const time = z.number().nonnegative();

const named = { kind: z.string().min(1), name: z.string().min(1) };
const place = { file: z.string().optional(), line: count.optional() };
const authorship = { author: z.string(), reason: z.string(), atMs: time };

/** Where the store stands: the newest of everything that counts. */
export type Head = {
  readonly revision: number;
  readonly floor: number;
  readonly auditSequence: number;
  readonly auditHash: string;
  /** Newest token of a lease. */
  readonly fence: number;
  readonly idempotencySequence: number;
  readonly damagedSequence: number;
};

export const HEAD_SHAPE: z.ZodType<Head> = z.strictObject({
  revision: count,
  floor: count,
  auditSequence: count,
  auditHash: hex,
  fence: count,
  idempotencySequence: count,
  damagedSequence: count,
});

export type StoredDocument =
  | {
      readonly lost?: undefined;
      readonly revision: number;
      readonly created: number;
      readonly content: string;
      readonly file?: string | undefined;
      /** Where it begins in the file; absent: at its first line. */
      readonly line?: number | undefined;
      readonly author: string;
      readonly reason: string;
      readonly atMs: number;
    }
  /** It exists, and was damaged. */
  | { readonly lost: string; readonly revision: number; readonly atMs: number };

export const DOCUMENT_SHAPE: z.ZodType<StoredDocument> = z.union([
  z.strictObject({ revision: count, created: count, content: z.string(), ...place, ...authorship }),
  z.strictObject({ lost: z.string(), revision: count, atMs: time }),
]);

export type StoredVersion = {
  readonly operation: 'Put' | 'Delete' | 'Lost';
  readonly created: number;
  readonly content?: string | undefined;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly author: string;
  readonly reason: string;
  readonly atMs: number;
};

export const VERSION_SHAPE: z.ZodType<StoredVersion> = z
  .strictObject({
    operation: z.enum(['Put', 'Delete', 'Lost']),
    created: count,
    content: z.string().optional(),
    ...place,
    ...authorship,
  })
  .refine((version) => (version.operation === 'Put') === (version.content !== undefined));

export type StoredTransaction = {
  readonly changes: readonly { readonly kind: string; readonly name: string; readonly operation: 'Put' | 'Delete' }[];
};

export const TRANSACTION_SHAPE: z.ZodType<StoredTransaction> = z.strictObject({
  changes: z.array(z.strictObject({ ...named, operation })).min(1),
});

export const AUDIT_SHAPE: z.ZodType<AuditRecord> = z.strictObject({
  sequence: count,
  action: z.string().min(1),
  ...authorship,
  details: z.record(z.string(), z.string()).optional(),
  revision: count.optional(),
  changes: z.array(z.strictObject({ ...named, operation, sha256: hex.optional() })).optional(),
  previous: hex,
  hash: hex,
}) as z.ZodType<AuditRecord>;

export type StoredAnswer = {
  /** Of its record by age: an older record by age does not mean this answer. */
  readonly sequence: number;
  /** Of everything that the request said. */
  readonly fingerprint: string;
  readonly atMs: number;
  readonly revision: number;
  readonly changed: readonly { readonly kind: string; readonly name: string; readonly operation: 'Put' | 'Delete' }[];
  readonly unchanged: readonly { readonly kind: string; readonly name: string }[];
};

export const ANSWER_SHAPE: z.ZodType<StoredAnswer> = z.strictObject({
  sequence: count,
  fingerprint: hex,
  atMs: time,
  revision: count,
  changed: z.array(z.strictObject({ ...named, operation })),
  unchanged: z.array(z.strictObject(named)),
});

/** Which answer is so old: the hash in its key. */
export const ANSWER_AGE_SHAPE: z.ZodType<{ readonly answer: string }> = z.strictObject({ answer: hex });

export type StoredDamage = {
  readonly record: string;
  readonly document?: { readonly kind: string; readonly name: string } | undefined;
  readonly reason: string;
  readonly atMs: number;
  /** What was found, in Base64. */
  readonly found: string;
};

export const DAMAGE_SHAPE: z.ZodType<StoredDamage> = z.strictObject({
  record: z.string(),
  document: z.strictObject(named).optional(),
  reason: z.string(),
  atMs: time,
  found: z.string(),
});
