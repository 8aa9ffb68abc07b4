import { idempotencyKey, under } from './record-keys.ts';
import { ANSWER_AGE_SHAPE, ANSWER_SHAPE } from './record-shapes.ts';
import { type Records, readRecord } from './records.ts';

/** A caller that repeats itself does so within minutes; a day covers a pipeline that somebody starts again. */
export const MAX_ANSWER_AGE_MS: number = 24 * 3_600_000;
/** Forgotten at one write, so that no write pays for a whole day. */
const FORGOTTEN_AT_ONCE = 16;

/** Forgets the oldest answers beyond the number that is kept. Those that are only too old are ignored where they stand. */
export function forgetAnswers(records: Records, newest: number, kept: number): void {
  for (const { key, value } of records.raw({ ...under('idempotency-age'), limit: FORGOTTEN_AT_ONCE })) {
    const sequence = sequenceOf(key);
    if (newest - sequence < kept) return;
    const age = readRecord(key, value, ANSWER_AGE_SHAPE);
    if (age.ok) forget(records, idempotencyKey(age.value.answer), sequence);
    records.file.delete(key);
  }
}

/** The key may have come again after a day: its newer answer stays. */
function forget(records: Records, key: string, sequence: number): void {
  const text = records.file.get(key);
  if (text === undefined) return;
  const answer = readRecord(key, text, ANSWER_SHAPE);
  if (!answer.ok || answer.value.sequence === sequence) records.file.delete(key);
}

function sequenceOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1));
}
