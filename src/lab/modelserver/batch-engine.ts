import type { EngineCondition, EngineEvent, EngineLoad, EngineRequest } from './engine-event.ts';
import type { EngineProfile } from './server-profile.ts';

/** Admission leaves this part of the KV budget free, so that running requests can grow (vLLM's watermark idea). */
const ADMISSION_WATERMARK = 0.92;
/** A step that is this close to its end has ended: the sums of many short intervals are not exact. */
const STEP_EPSILON = 1e-9;

const NOTHING: readonly EngineEvent[] = [];

type Run = {
  readonly id: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Tokens produced up to the end of step `countedStep`; later steps give one each while decoding. */
  produced: number;
  countedStep: number;
  decoding: boolean;
  /** The prompt is counted once, however often preemption makes the engine read it. */
  promptCounted: boolean;
};

/**
 * A continuous-batching engine as a pure machine: time is an argument, and nothing happens between two calls.
 *
 * All decoding requests share one step clock; a step lasts `stepMs * (1 + bend * batch / slots) / speed`. Between two
 * changes of the batch the clock runs at a constant rate, so `advance` jumps from one event that matters (a report is
 * due, a request ends, a prompt is read, the KV cache is full) to the next instead of visiting each step: its cost is
 * O(running) per event, whatever the number of tokens. The time line is anchored only at events and inputs, so calls of
 * `advance` in between change nothing, and what holds until the next one (rates, the next step to stop at) is computed once.
 *
 * Invariants: running requests (with those of other tenants) never exceed the slots; admission is first come, first
 * served; the KV of our requests never exceeds the budget unless one request alone needs more than other tenants leave.
 */
export class BatchEngine {
  readonly #profile: EngineProfile;
  readonly #outbox: EngineEvent[] = [];
  /** In order of admission: the last is the newest. */
  #running: Run[] = [];
  #waiting: Run[] = [];
  /** Arrived while frozen or cold: not yet accepted. */
  #held: Run[] = [];
  /** A frozen engine does not notice that a client left. */
  readonly #unnoticed = new Set<number>();

  #anchorMs: number;
  #step = 0;
  /** Part of the current step that is done at the anchor, 0..1. */
  #progress = 0;
  #prefill: Run | undefined;
  #prefillRemaining = 0;
  /** Of those that run, as sums: no event but the end of a request looks at each of them. See `#survey`. */
  #decoding = 0;
  #kvCounted = 0;
  #countedSteps = 0;
  #lateStep = 0;
  #late = 0;
  #dueStep = Number.POSITIVE_INFINITY;
  /** From here to the next event or input: steps per millisecond, the step at whose end something is due, and when that is. */
  #rate = 0;
  #target = Number.POSITIVE_INFINITY;
  #targetMs = Number.POSITIVE_INFINITY;
  #prefilledMs = Number.POSITIVE_INFINITY;
  #nextMs = Number.POSITIVE_INFINITY;

  #speed = 1;
  #foreignSlots = 0;
  #frozen = false;
  #coldUntilMs: number | undefined;

  #promptTokens = 0;
  #generationTokens = 0;
  #preemptions = 0;
  /** Integral of the occupied share of the slots over time, in milliseconds. */
  #occupiedMs = 0;

  constructor(profile: EngineProfile, nowMs: number) {
    this.#profile = profile;
    this.#anchorMs = nowMs;
  }

  submit(request: EngineRequest, nowMs: number): void {
    this.#run(nowMs);
    this.#settle(nowMs);
    const run: Run = {
      id: request.id,
      promptTokens: Math.max(1, request.promptTokens),
      outputTokens: Math.max(1, request.outputTokens),
      produced: 0,
      countedStep: 0,
      decoding: false,
      promptCounted: false,
    };
    if (run.promptTokens + run.outputTokens + 1 > this.#profile.kvTokens) {
      this.#outbox.push({ kind: 'Rejected', id: run.id, atMs: this.#anchorMs, reason: 'TooLong' });
    } else if (!this.#active()) {
      this.#held.push(run);
    } else {
      this.#accept(run);
    }
    this.#arrange();
  }

  /** The client went away. An id that is not here (finished, rejected) is no error. */
  cancel(id: number, nowMs: number): void {
    this.#run(nowMs);
    this.#settle(nowMs);
    this.#held = this.#held.filter((run) => run.id !== id);
    if (this.#frozen) this.#unnoticed.add(id);
    else this.#remove(id);
    this.#arrange();
  }

  /** Keys that are left out keep their value. A new `coldUntilMs` zeroes the counters, as a new process has none. */
  setCondition(change: Partial<EngineCondition>, nowMs: number): void {
    this.#run(nowMs);
    this.#settle(nowMs);
    if (change.speed !== undefined) this.#speed = change.speed;
    if (change.frozen !== undefined) this.#frozen = change.frozen;
    if (change.foreignLoad !== undefined) {
      const { slots } = this.#profile;
      this.#foreignSlots = Math.min(Math.round(change.foreignLoad * slots), slots - 1);
    }
    if ('coldUntilMs' in change) {
      this.#coldUntilMs =
        change.coldUntilMs !== undefined && change.coldUntilMs > nowMs ? change.coldUntilMs : undefined;
      if (this.#coldUntilMs !== undefined) this.#zeroCounters();
    }
    this.#welcomeHeld();
    this.#arrange();
  }

  /** Everything that happened since the last call, up to and including `nowMs`, in order of time. */
  advance(nowMs: number): readonly EngineEvent[] {
    this.#run(nowMs);
    return this.#outbox.length === 0 ? NOTHING : this.#outbox.splice(0);
  }

  /** When `advance` has something to say next; infinity when only an input can change that. */
  nextEventMs(): number {
    return this.#outbox.length > 0 ? this.#anchorMs : this.#nextMs;
  }

  load(nowMs: number): EngineLoad {
    this.#run(nowMs);
    if (this.#coldUntilMs !== undefined) {
      return { running: 0, waiting: 0, kvRatio: 0, promptTokens: 0, generationTokens: 0, preemptions: 0 };
    }
    const elapsedSteps = Math.max(0, nowMs - this.#anchorMs) * this.#rate;
    const step = this.#step + Math.floor(this.#progress + elapsedSteps + STEP_EPSILON);
    const foreign = this.#foreign();
    const { slots, kvTokens } = this.#profile;
    const held = this.#kv(step);
    const uncounted = held - this.#kvCounted;
    const foreignTokens = foreign * elapsedSteps;
    const kv = held + (foreign / slots) * kvTokens;
    return {
      running: this.#running.length + foreign,
      waiting: this.#waiting.length,
      kvRatio: Math.min(1, kv / kvTokens),
      promptTokens: Math.floor(this.#promptTokens + foreignTokens * this.#promptPerOutput()),
      generationTokens: Math.floor(this.#generationTokens + foreignTokens) + uncounted,
      preemptions: this.#preemptions,
    };
  }

  /** Milliseconds of fully occupied slots since the engine exists; its slope is what an honest GPU gauge shows. */
  occupiedMs(nowMs: number): number {
    this.#run(nowMs);
    return this.#occupiedMs + Math.max(0, nowMs - this.#anchorMs) * this.#occupancy();
  }

  /** The process died: every request and every counter is gone. The condition stays. */
  restart(nowMs: number): void {
    this.#run(nowMs);
    this.#settle(nowMs);
    this.#outbox.length = 0;
    this.#running = [];
    this.#prefill = undefined;
    this.#waiting = [];
    this.#held = [];
    this.#unnoticed.clear();
    this.#zeroCounters();
    this.#arrange();
  }

  #active(): boolean {
    return !this.#frozen && this.#coldUntilMs === undefined;
  }

  /** Other tenants take free slots only: they wait for ours to end, as ours wait for theirs. */
  #foreign(): number {
    return Math.min(this.#foreignSlots, this.#profile.slots - this.#running.length);
  }

  #occupancy(): number {
    return this.#coldUntilMs === undefined ? (this.#running.length + this.#foreign()) / this.#profile.slots : 0;
  }

  #stepsPerMs(): number {
    const { slots, stepMs, bend, speed, decodeDuringPrefill } = this.#profile;
    const foreign = this.#foreign();
    if (!this.#active() || (foreign === 0 && this.#decoding === 0)) return 0;
    const shared = this.#prefill === undefined ? 1 : decodeDuringPrefill;
    return (shared * speed * this.#speed) / (stepMs * (1 + (bend * (this.#running.length + foreign)) / slots));
  }

  #prefillPerMs(): number {
    if (!this.#active() || this.#prefill === undefined) return 0;
    const { prefillTokensPerSec, speed } = this.#profile;
    return (prefillTokensPerSec / 1000) * speed * this.#speed * this.#ownShare();
  }

  #ownShare(): number {
    return (this.#profile.slots - this.#foreignSlots) / this.#profile.slots;
  }

  #kvBudget(): number {
    return this.#profile.kvTokens * this.#ownShare();
  }

  /** Every running request holds its prompt, its tokens and the place of the next one. */
  #kv(step: number): number {
    const late = step < this.#lateStep ? this.#late * (this.#lateStep - step) : 0;
    return this.#kvCounted + this.#decoding * step - this.#countedSteps + late;
  }

  /** Other tenants send what our clients send: the mix of prompt and output is the same. */
  #promptPerOutput(): number {
    return this.#generationTokens > 0 ? this.#promptTokens / this.#generationTokens : 0;
  }

  /** Looks at each of those that run, after any of them has changed otherwise than by decoding on. */
  #survey(): void {
    const { tokensPerEvent } = this.#profile;
    this.#decoding = 0;
    this.#kvCounted = 0;
    this.#countedSteps = 0;
    this.#late = 0;
    this.#dueStep = Number.POSITIVE_INFINITY;
    for (const { promptTokens, outputTokens, produced, decoding, countedStep } of this.#running) {
      this.#kvCounted += promptTokens + produced + 1;
      if (!decoding) continue;
      this.#decoding += 1;
      this.#countedSteps += countedStep;
      // Who came in the middle of a step is counted from its end: there is only one such end.
      if (countedStep > this.#step) {
        this.#late += 1;
        this.#lateStep = countedStep;
      }
      const due = countedStep + Math.min(tokensPerEvent, outputTokens - produced);
      if (due < this.#dueStep) this.#dueStep = due;
    }
  }

  #zeroCounters(): void {
    for (const run of this.#running) this.#count(run, sinceCounted(run, this.#step));
    this.#survey();
    this.#promptTokens = 0;
    this.#generationTokens = 0;
    this.#preemptions = 0;
  }

  #run(nowMs: number): void {
    while (this.#nextMs <= nowMs) this.#process(this.#nextMs);
  }

  #process(atMs: number): void {
    const target = this.#target;
    const stepDue = this.#targetMs <= atMs;
    const prefillDue = this.#prefilledMs <= atMs;
    this.#settle(atMs);
    if (stepDue) {
      // The sum of rate times time is exact only up to rounding; the event itself is exact.
      this.#step = target;
      this.#progress = 0;
      this.#reportSteps();
    }
    if (prefillDue) this.#finishPrefill();
    if (this.#coldUntilMs !== undefined && this.#coldUntilMs <= atMs) {
      this.#coldUntilMs = undefined;
      this.#welcomeHeld();
    }
    this.#arrange();
  }

  /** Moves the anchor to `atMs` at the rates that held until now. */
  #settle(atMs: number): void {
    const elapsedMs = atMs - this.#anchorMs;
    if (elapsedMs <= 0) return;
    const steps = elapsedMs * this.#rate;
    const foreignTokens = steps * this.#foreign();
    this.#promptTokens += foreignTokens * this.#promptPerOutput();
    this.#generationTokens += foreignTokens;
    this.#occupiedMs += elapsedMs * this.#occupancy();
    this.#prefillRemaining = Math.max(0, this.#prefillRemaining - elapsedMs * this.#prefillPerMs());
    const progress = this.#progress + steps;
    const whole = Math.floor(progress + STEP_EPSILON);
    this.#step += whole;
    this.#progress = Math.max(0, progress - whole);
    this.#anchorMs = atMs;
  }

  /** The step at whose end something is to be done. */
  #stepTarget(): number {
    const decoding = this.#decoding;
    if (decoding === 0) return Number.POSITIVE_INFINITY;
    if (this.#running.length < 2) return this.#dueStep;
    // The first step at whose end the KV budget can be exceeded, if all of them decode.
    const headroom = this.#kvBudget() - this.#kv(this.#step);
    return Math.min(this.#dueStep, this.#step + Math.max(0, Math.floor(headroom / decoding)) + 1);
  }

  #targetMsAt(rate: number): number {
    if (this.#target === Number.POSITIVE_INFINITY || rate === 0) return Number.POSITIVE_INFINITY;
    return this.#anchorMs + Math.max(0, this.#target - this.#step - this.#progress) / rate;
  }

  #prefillMs(): number {
    const rate = this.#prefillPerMs();
    return rate === 0 ? Number.POSITIVE_INFINITY : this.#anchorMs + this.#prefillRemaining / rate;
  }

  #reportSteps(): void {
    let ended = false;
    for (const run of this.#running) {
      const fresh = sinceCounted(run, this.#step);
      if (fresh < this.#profile.tokensPerEvent && run.produced + fresh < run.outputTokens) continue;
      this.#count(run, fresh);
      ended ||= run.produced >= run.outputTokens;
    }
    if (ended) this.#dropFinished();
    this.#survey();
  }

  /** The prompt has been read, which yields a token; the request joins the step that starts next. */
  #finishPrefill(): void {
    const run = this.#prefill as Run;
    this.#prefill = undefined;
    run.decoding = true;
    if (!run.promptCounted) this.#promptTokens += run.promptTokens;
    run.promptCounted = true;
    run.countedStep = this.#step;
    this.#count(run, 1);
    run.countedStep = this.#progress > STEP_EPSILON ? this.#step + 1 : this.#step;
    if (run.produced >= run.outputTokens) this.#dropFinished();
    this.#survey();
  }

  #count(run: Run, fresh: number): void {
    if (fresh === 0) return;
    run.produced += fresh;
    run.countedStep = this.#step;
    this.#generationTokens += fresh;
    this.#outbox.push({ kind: 'Tokens', id: run.id, atMs: this.#anchorMs, count: fresh });
    if (run.produced >= run.outputTokens) this.#outbox.push({ kind: 'Finished', id: run.id, atMs: this.#anchorMs });
  }

  #dropFinished(): void {
    this.#running = this.#running.filter((run) => run.produced < run.outputTokens);
  }

  #remove(id: number): void {
    const run = this.#running.find((candidate) => candidate.id === id);
    if (run === undefined) {
      this.#waiting = this.#waiting.filter((candidate) => candidate.id !== id);
      return;
    }
    this.#generationTokens += sinceCounted(run, this.#step);
    this.#running = this.#running.filter((candidate) => candidate !== run);
    this.#survey();
    if (run === this.#prefill) this.#prefill = undefined;
  }

  #welcomeHeld(): void {
    if (this.#frozen) return;
    for (const id of this.#unnoticed) this.#remove(id);
    this.#unnoticed.clear();
    if (this.#coldUntilMs !== undefined) return;
    for (const run of this.#held.splice(0)) this.#accept(run);
  }

  #accept(run: Run): void {
    this.#admit();
    if (this.#waiting.length >= this.#profile.queueLimit && !(this.#waiting.length === 0 && this.#hasRoomFor(run))) {
      this.#outbox.push({ kind: 'Rejected', id: run.id, atMs: this.#anchorMs, reason: 'QueueFull' });
      return;
    }
    this.#outbox.push({ kind: 'Accepted', id: run.id, atMs: this.#anchorMs });
    this.#waiting.push(run);
    this.#admit();
  }

  /** Restores the invariants after any change and finds the next event. */
  #arrange(): void {
    if (this.#active()) {
      this.#makeRoom();
      this.#admit();
    }
    if (this.#prefill === undefined) {
      this.#prefill = this.#decoding === this.#running.length ? undefined : this.#running.find((run) => !run.decoding);
      // After a preemption its own tokens are read again together with the prompt.
      this.#prefillRemaining = this.#prefill === undefined ? 0 : this.#prefill.promptTokens + this.#prefill.produced;
    }
    if (this.#foreign() === 0 && this.#decoding === 0) this.#progress = 0;
    this.#rate = this.#stepsPerMs();
    this.#target = this.#stepTarget();
    this.#targetMs = this.#targetMsAt(this.#rate);
    this.#prefilledMs = this.#prefillMs();
    this.#nextMs = Math.min(this.#targetMs, this.#prefilledMs, this.#coldUntilMs ?? Number.POSITIVE_INFINITY);
  }

  /** Newest first, so that the oldest always ends: a lone request may use what is there. */
  #makeRoom(): void {
    while (this.#running.length > 1 && this.#kv(this.#step) > this.#kvBudget()) {
      const run = this.#running.pop() as Run;
      this.#count(run, sinceCounted(run, this.#step));
      if (run === this.#prefill) this.#prefill = undefined;
      run.decoding = false;
      this.#survey();
      this.#preemptions += 1;
      this.#outbox.push({ kind: 'Preempted', id: run.id, atMs: this.#anchorMs });
      this.#waiting.unshift(run);
    }
  }

  #admit(): void {
    while (this.#waiting.length > 0 && this.#hasRoomFor(this.#waiting[0] as Run)) {
      const run = this.#waiting.shift() as Run;
      this.#running.push(run);
      this.#kvCounted += run.promptTokens + run.produced + 1;
      this.#outbox.push({ kind: 'Admitted', id: run.id, atMs: this.#anchorMs });
    }
  }

  #hasRoomFor(run: Run): boolean {
    if (this.#running.length >= this.#profile.slots - this.#foreignSlots) return false;
    if (this.#running.length === 0) return true;
    const need = run.promptTokens + run.produced + 1;
    return this.#kv(this.#step) + need <= ADMISSION_WATERMARK * this.#kvBudget();
  }
}

function sinceCounted(run: Run, step: number): number {
  return run.decoding ? Math.max(0, step - run.countedStep) : 0;
}
