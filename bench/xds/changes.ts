import { median } from '../median.ts';
import { monotonicMs, pause } from './clock.ts';
import type { Figures } from './figures.ts';
import type { Session } from './session.ts';

const CHANGE_LIMIT_MS = 60_000;
const RECEIPTS_LIMIT_MS = 20_000;

/**
 * Makes changes one after the other and measures how they arrive. A change starts an interval after the one before, but
 * never before that one is everywhere: a server that merges two changes would else look fast.
 */
export async function makeChanges(
  session: Session,
  input: { readonly count: number; readonly intervalMs: number; readonly receivers: number },
): Promise<Figures> {
  const { count, intervalMs, receivers } = input;
  const from = session.change + 1;
  const startedMs: number[] = [];
  await session.client.ask({ kind: 'receipts', from, to: from }, RECEIPTS_LIMIT_MS);
  const cpuBeforeMs = session.server.cpuMs();
  for (let round = 0; round < count; round += 1) {
    await session.next(CHANGE_LIMIT_MS, () => startedMs.push(monotonicMs()));
    await pause(Math.max(0, (startedMs.at(-1) as number) + intervalMs - monotonicMs()));
  }
  const cpuMs = session.server.cpuMs() - cpuBeforeMs;
  const answer = await session.client.ask({ kind: 'receipts', from, to: session.change }, RECEIPTS_LIMIT_MS);
  const receipts = answer.list.reduce((sum, one) => sum + one.count, 0);
  const bytes = answer.list.reduce((sum, one) => sum + one.bytes, 0);
  const after = (pick: (one: (typeof answer.list)[number]) => number): number =>
    median(answer.list.map((one, round) => pick(one) - (startedMs[round] as number)));
  return {
    firstMs: after((one) => one.firstAtMs),
    medianMs: after((one) => one.medianAtMs),
    p99Ms: after((one) => one.p99AtMs),
    lastMs: after((one) => one.lastAtMs),
    cpuPerReceiptUs: (cpuMs * 1000) / receipts,
    bytesPerReceipt: bytes / receipts,
    missing: count * receivers - receipts,
    clientCpuPerReceiptUs: (answer.clientCpuMs * 1000) / receipts,
  };
}

/** Changes as fast as they reach every stream, one at a time. */
export async function sustainChanges(session: Session, forMs: number): Promise<Figures> {
  const beganMs = monotonicMs();
  const cpuBeforeMs = session.server.cpuMs();
  let made = 0;
  for (; monotonicMs() - beganMs < forMs; made += 1) await session.next(CHANGE_LIMIT_MS, () => undefined);
  return {
    changesPerSec: (made * 1000) / (monotonicMs() - beganMs),
    sustainedCpuPerReceiptUs: ((session.server.cpuMs() - cpuBeforeMs) * 1000) / (made * session.streams),
  };
}
