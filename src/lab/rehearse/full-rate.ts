import { BatchEngine, type EngineProfile } from '../modelserver/index.ts';

export type RequestLengths = { readonly promptTokens: number; readonly outputTokens: number };

/** The batch must have been full for most of the time, and one round of a wide batch is many requests. */
const LEAST_REQUESTS = 1000;
const ROUNDS = 10;
/** Filling and emptying the batch are left out. */
const FROM = 0.25;
const TO = 0.75;

/**
 * Requests per second that a server ends while a queue stands before it: measured on its engine, since no formula knows what the
 * mix of lengths, prompts that hold up the steps and a KV cache that fills come to together. 0 when it can take none of them.
 */
export function fullRatePerSec(profile: EngineProfile, lengths: readonly RequestLengths[]): number {
  const engine = new BatchEngine(
    { ...profile, queueLimit: Number.POSITIVE_INFINITY, tokensPerEvent: Number.POSITIVE_INFINITY },
    0,
  );
  const count = Math.max(LEAST_REQUESTS, ROUNDS * profile.slots);
  for (let id = 0; id < count; id += 1) {
    // A stride that shares no small factor with the list: the whole of a trace is seen, whatever its length.
    const { promptTokens, outputTokens } = lengths[(id * STRIDE) % lengths.length] as RequestLengths;
    engine.submit({ id, promptTokens, outputTokens }, 0);
  }
  const endedMs: number[] = [];
  for (let nowMs = 0; Number.isFinite(nowMs); nowMs = engine.nextEventMs())
    for (const { kind, atMs } of engine.advance(nowMs)) if (kind === 'Finished') endedMs.push(atMs);
  const [from, to] = [FROM, TO].map((part) => Math.floor(part * endedMs.length)) as [number, number];
  const elapsedMs = (endedMs[to] ?? 0) - (endedMs[from] ?? 0);
  return elapsedMs > 0 ? ((to - from) * 1000) / elapsedMs : 0;
}

const STRIDE = 7919;
