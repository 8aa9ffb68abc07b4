import { LatencyHistogram, type RequestOutcome } from '../traffic/index.ts';

/** A part of the run, on its clock. */
export type Phase = { readonly name: string; readonly fromMs: number; readonly toMs: number };

/** What the clients of one lane met in one phase. A request belongs to the phase in which it was due. */
export class PhaseAccount {
  readonly firstTokenMs: LatencyHistogram = new LatencyHistogram();
  readonly endToEndMs: LatencyHistogram = new LatencyHistogram();
  requests = 0;
  /** Served whole, with the first token in time. */
  good = 0;

  /** Part of the requests that were good; 1 when there was none. */
  get goodputRatio(): number {
    return this.requests === 0 ? 1 : this.good / this.requests;
  }

  add(other: PhaseAccount): void {
    this.firstTokenMs.add(other.firstTokenMs);
    this.endToEndMs.add(other.endToEndMs);
    this.requests += other.requests;
    this.good += other.good;
  }
}

/** Failures that broke a stream after its headers. */
const STREAM_FAILURES: ReadonlySet<string> = new Set(['StreamReset', 'StreamTruncated', 'StreamError']);

/** Everything that the clients of one lane met, in fixed memory. */
export class LaneAccount {
  readonly phases: readonly { readonly phase: Phase; readonly account: PhaseAccount }[];
  /** By kind and detail: `Status 503` → 3. */
  readonly failures: Map<string, number> = new Map();
  requests = 0;
  tokens = 0;
  clientErrors = 0;
  streamsReset = 0;
  readonly #goodWithinMs: number;

  constructor(phases: readonly Phase[], goodWithinMs: number) {
    this.phases = phases.map((phase) => ({ phase, account: new PhaseAccount() }));
    this.#goodWithinMs = goodWithinMs;
  }

  /** `dueAtMs`: the scheduled arrival on the clock of the run. */
  record(outcome: RequestOutcome, dueAtMs: number): void {
    this.requests += 1;
    this.tokens += outcome.tokens;
    const { failure, firstTokenMs } = outcome;
    if (failure !== undefined) {
      this.clientErrors += 1;
      if (STREAM_FAILURES.has(failure.kind)) this.streamsReset += 1;
      const name = `${failure.kind} ${failure.detail}`;
      this.failures.set(name, (this.failures.get(name) ?? 0) + 1);
    }
    const account = this.phases.find(({ phase }) => dueAtMs >= phase.fromMs && dueAtMs < phase.toMs)?.account;
    if (account === undefined) return;
    account.requests += 1;
    if (firstTokenMs !== undefined) account.firstTokenMs.record(firstTokenMs);
    if (failure !== undefined) return;
    account.endToEndMs.record(outcome.endToEndMs);
    if (firstTokenMs !== undefined && firstTokenMs <= this.#goodWithinMs) account.good += 1;
  }

  /** The phases from `fromMs` on as one. */
  together(fromMs: number): PhaseAccount {
    const whole = new PhaseAccount();
    for (const { phase, account } of this.phases) if (phase.fromMs >= fromMs) whole.add(account);
    return whole;
  }
}
