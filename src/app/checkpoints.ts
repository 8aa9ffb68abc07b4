import type { ControlState } from '../core/control/index.ts';
import type { OperationBook } from '../core/operations/index.ts';
import type { Log } from '../edge/observe/index.ts';
import { CheckpointStore, type PolicyText } from '../edge/store/index.ts';
import type { RolloutMemory } from './revision-record.ts';
import { type LoadPolicy, readCheckpoint } from './stored-checkpoint.ts';

export type Checkpoint = {
  readonly state: ControlState;
  /** Absent in checkpoints of before there were any. */
  readonly operations?: OperationBook;
  /** The last good policy: what is served when the files are bad at the next start. */
  readonly policyFiles: readonly PolicyText[];
  /** Absent in those of before there were rollouts. */
  readonly rollout?: RolloutMemory;
};

/** What the law learned in less than this is learned again. */
const LEARNED_MS = 5000;

/**
 * Saves the state of the controller, one save at a time: while one is on its way only the newest waiting one is kept. A disk that fails is told once and tried again; it never stops the control loop.
 */
export class Checkpoints {
  readonly #store: CheckpointStore;
  readonly #log: Log;
  #waiting: Checkpoint | undefined;
  #saving: Promise<void> | undefined;
  #failing = false;
  #newest: Checkpoint | undefined;

  constructor(folder: string, log: Log) {
    this.#store = new CheckpointStore(folder);
    this.#log = log;
  }

  /** @throws LoadlineError LOADLINE_STORE when the directory cannot be used or another server holds it. */
  async open(): Promise<void> {
    await this.#store.open();
  }

  /** What can be used of the newest one. What is damaged is kept aside under another name, for who looks into it. */
  async load(nowMs: number, load: LoadPolicy): Promise<Checkpoint | undefined> {
    const { checkpoint: content, warnings } = await this.#store.load();
    for (const { message, path } of warnings) this.#log.warn({ detail: message, path }, 'checkpoint not usable');
    const { checkpoint, problems } = readCheckpoint(content, nowMs, load);
    if (problems.length > 0) {
      const detail = `${problems.join('; ')}; ${await this.#store.keepAside()}`;
      this.#log.error({ detail }, 'a part of the checkpoint is not usable');
    }
    return checkpoint;
  }

  /**
   * Takes what a tick left behind. What Envoys were sent, the policy, and what operators do is saved at once; what was learned since, every five
   * seconds: of a thousand endpoints that is megabytes.
   */
  offer(checkpoint: Checkpoint): void {
    const { state, policyFiles, operations } = checkpoint;
    const same =
      this.#newest?.state.plan?.sequence === state.plan?.sequence &&
      this.#newest?.policyFiles === policyFiles &&
      this.#newest?.operations === operations;
    const ageMs = state.atMs - (this.#newest?.state.atMs ?? Number.NEGATIVE_INFINITY);
    if (!same || ageMs >= LEARNED_MS) void this.save(checkpoint);
  }

  save(checkpoint: Checkpoint): Promise<void> {
    this.#newest = checkpoint;
    this.#waiting = checkpoint;
    this.#saving ??= this.#drain().finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  /** Saves it. @returns whether it is on disk */
  async saved(checkpoint: Checkpoint): Promise<boolean> {
    await this.save(checkpoint);
    return !this.#failing;
  }

  async close(): Promise<void> {
    await this.#saving;
    await this.#store.close();
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting; next !== undefined; next = this.#waiting) {
      this.#waiting = undefined;
      try {
        await this.#store.save(next);
        if (this.#failing) this.#log.info({}, 'checkpoints are saved again');
        this.#failing = false;
      } catch (error) {
        if (!this.#failing) this.#log.error({ reason: (error as Error).message }, 'checkpoint cannot be saved');
        this.#failing = true;
      }
    }
  }
}
