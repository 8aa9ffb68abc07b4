import type { EngineProfile } from '../../../src/lab/modelserver/index.ts';

export type Input =
  | {
      readonly kind: 'Submit';
      readonly atMs: number;
      readonly id: number;
      readonly prompt: number;
      readonly output: number;
    }
  | { readonly kind: 'Cancel'; readonly atMs: number; readonly id: number }
  | { readonly kind: 'Speed'; readonly atMs: number; readonly speed: number }
  | { readonly kind: 'Foreign'; readonly atMs: number; readonly load: number };

type Job = { id: number; prompt: number; output: number; done: number; reading: number | undefined; joined: boolean };

export type StepRecord = {
  readonly admitted: number[];
  readonly finishedAtMs: Map<number, number>;
  readonly tokens: Map<number, number>;
  preemptions: number;
};

/**
 * The plain twin of BatchEngine: visits every single decode step, moves by small sums, and knows no reports, no anchors
 * and no shortcuts. Slow and short on purpose.
 */
export function stepEngine(profile: EngineProfile, inputs: readonly Input[], untilMs: number): StepRecord {
  const record: StepRecord = { admitted: [], finishedAtMs: new Map(), tokens: new Map(), preemptions: 0 };
  const queue: Job[] = [];
  let batch: Job[] = [];
  const pending = [...inputs];
  let nowMs = 0;
  let stepDone = 0;
  let speed = 1;
  let foreignSlots = 0;

  const kv = (): number => batch.reduce((sum, job) => sum + job.prompt + job.done + 1, 0);
  const budget = (): number => (profile.kvTokens * (profile.slots - foreignSlots)) / profile.slots;
  const foreign = (): number => Math.min(foreignSlots, profile.slots - batch.length);
  const give = (job: Job): void => {
    job.done += 1;
    record.tokens.set(job.id, (record.tokens.get(job.id) ?? 0) + 1);
    if (job.done < job.output) return;
    record.finishedAtMs.set(job.id, nowMs);
    batch = batch.filter((other) => other !== job);
  };
  const settle = (): void => {
    while (batch.length > 1 && kv() > budget()) {
      const newest = batch.pop() as Job;
      newest.reading = newest.prompt + newest.done;
      newest.joined = false;
      record.preemptions += 1;
      queue.unshift(newest);
    }
    while (queue[0] !== undefined && batch.length < profile.slots - foreignSlots) {
      const job = queue[0];
      if (batch.length > 0 && kv() + job.prompt + job.done + 1 > 0.92 * budget()) break;
      queue.shift();
      batch.push(job);
      record.admitted.push(job.id);
    }
    if (foreign() === 0 && !batch.some((job) => job.reading === undefined)) stepDone = 0;
    if (stepDone === 0) for (const job of batch) job.joined = job.reading === undefined;
  };

  for (;;) {
    const stepping = foreign() > 0 || batch.some((job) => job.reading === undefined);
    const crowd = (batch.length + foreign()) / profile.slots;
    const reader = batch.find((job) => job.reading !== undefined);
    const shared = reader === undefined ? 1 : profile.decodeDuringPrefill;
    const stepRate = stepping ? (shared * profile.speed * speed) / (profile.stepMs * (1 + profile.bend * crowd)) : 0;
    const readRate =
      ((profile.prefillTokensPerSec / 1000) * profile.speed * speed * (profile.slots - foreignSlots)) / profile.slots;
    const stepIn = stepRate > 0 ? (1 - stepDone) / stepRate : Number.POSITIVE_INFINITY;
    const readIn =
      reader !== undefined && readRate > 0 ? (reader.reading as number) / readRate : Number.POSITIVE_INFINITY;
    const inputIn = pending[0] === undefined ? Number.POSITIVE_INFINITY : pending[0].atMs - nowMs;
    const wait = Math.min(stepIn, readIn, inputIn, untilMs - nowMs);
    nowMs += wait;
    stepDone += wait * stepRate;
    if (reader !== undefined) reader.reading = (reader.reading as number) - wait * readRate;
    if (nowMs >= untilMs) return record;

    if (stepIn <= wait) {
      stepDone = 0;
      for (const job of [...batch]) if (job.joined) give(job);
    }
    if (reader !== undefined && readIn <= wait) {
      reader.reading = undefined;
      reader.joined = stepDone === 0;
      give(reader);
    }
    settle();
    if (inputIn > wait) continue;
    const input = pending.shift() as Input;
    if (input.kind === 'Speed') speed = input.speed;
    if (input.kind === 'Foreign') foreignSlots = Math.min(Math.round(input.load * profile.slots), profile.slots - 1);
    if (input.kind === 'Cancel') {
      batch = batch.filter((job) => job.id !== input.id);
      const at = queue.findIndex((job) => job.id === input.id);
      if (at >= 0) queue.splice(at, 1);
    }
    if (input.kind === 'Submit') {
      const { id, prompt, output } = input;
      queue.push({ id, prompt, output, done: 0, reading: prompt, joined: false });
    }
    settle();
  }
}
