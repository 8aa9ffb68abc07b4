import { scrubText } from '../base/units/index.ts';
import {
  type ControlState,
  groupSamples,
  RECORDING_FORMAT,
  RECORDING_VERSION,
  type RecordingLine,
  recordedState,
  type TickInput,
} from '../core/control/index.ts';
import type { Operation } from '../core/operations/index.ts';
import type { ServiceDecision } from '../core/weights/index.ts';
import type { Log } from '../edge/observe/index.ts';
import { type PolicyText, RotatingFile } from '../edge/store/index.ts';
import { VERSION } from './version.ts';

export type RecordOptions = { readonly path: string; readonly maxBytes: number };

/** One tick: from which state, on what, to which decisions. All of it is immutable, so it can be written later. */
export type RecordedTick = {
  readonly before: ControlState;
  readonly input: TickInput;
  readonly files: readonly PolicyText[];
  readonly decisions: Readonly<Record<string, ServiceDecision>>;
  /** The state is not what the tick before came to: a change of policy took its own along. */
  readonly jumped?: boolean;
};

/** More than that waiting for the disk, and ticks are left out: memory and the control loop matter more. */
const MAX_BACKLOG_BYTES = 32 * 1024 * 1024;

const NONE: readonly Operation[] = [];

/**
 * Writes what each tick took in and came to, so that `loadline replay` can run the day again. Nothing of it happens in the
 * tick: the tick is handed over, and turned into lines when the loop is done. A disk that is too slow costs ticks (they are
 * counted, here and in the file), one that fails ends the recording and nothing else.
 */
export class Recorder {
  readonly #file: RotatingFile;
  readonly #log: Log;
  readonly #maxBacklogBytes: number;
  readonly #startedAtMs: number;
  #waiting: RecordedTick[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  /** What the current file has said already. */
  #told:
    | {
        readonly policy: readonly PolicyText[];
        readonly endpoints: string;
        /** A freeze holds every weight: too much for each tick. */
        readonly operations: readonly Operation[];
      }
    | undefined;
  #lost = 0;

  /** @throws LoadlineError LOADLINE_RECORDING when the file cannot be opened */
  static open(options: RecordOptions, log: Log, nowMs: number, maxBacklogBytes?: number): Recorder {
    const file = RotatingFile.open(options.path, options.maxBytes, (error) =>
      log.error({ path: options.path, reason: error.message }, 'recording has ended: it cannot be written'),
    );
    log.info({ path: options.path, maxBytes: options.maxBytes }, 'ticks are recorded');
    return new Recorder(file, log, nowMs, maxBacklogBytes ?? MAX_BACKLOG_BYTES);
  }

  private constructor(file: RotatingFile, log: Log, nowMs: number, maxBacklogBytes: number) {
    this.#file = file;
    this.#log = log;
    this.#startedAtMs = nowMs;
    this.#maxBacklogBytes = maxBacklogBytes;
  }

  take(tick: RecordedTick): void {
    this.#waiting.push(tick);
    this.#scheduled ??= setImmediate(() => this.#write());
  }

  /** Writes what waits, and resolves when the disk has it. */
  async close(): Promise<void> {
    clearImmediate(this.#scheduled);
    this.#write();
    if (this.#lost > 0) this.#line({ kind: 'Gap', ticks: this.#lost });
    await this.#file.close();
  }

  #write(): void {
    this.#scheduled = undefined;
    for (const tick of this.#waiting.splice(0)) {
      if (this.#file.backlogBytes > this.#maxBacklogBytes) this.#lose();
      else this.#writeTick(tick);
    }
  }

  #lose(): void {
    if (this.#lost === 0)
      this.#log.warn({ path: this.#file.path }, 'recording falls behind the disk: ticks are left out');
    this.#lost += 1;
  }

  #writeTick({ before, input, files, decisions, jumped = false }: RecordedTick): void {
    if (this.#file.full) {
      this.#file.rotate();
      this.#told = undefined;
    }
    const fresh = this.#told === undefined;
    if (fresh) {
      this.#line({
        kind: 'Header',
        format: RECORDING_FORMAT,
        version: RECORDING_VERSION,
        program: VERSION,
        startedAtMs: this.#startedAtMs,
      });
    }
    const endpoints = JSON.stringify(input.endpointSets);
    if (this.#told?.policy !== files) {
      const scrubbed = files.map(({ name, text }) => ({ name, text: scrubText(text) }));
      this.#line({ kind: 'Policy', revision: input.policy.revision, files: scrubbed });
    }
    if (this.#told?.endpoints !== endpoints) this.#line({ kind: 'Endpoints', sets: input.endpointSets });
    if (this.#lost > 0) {
      this.#line({ kind: 'Gap', ticks: this.#lost });
      this.#log.warn({ path: this.#file.path, ticks: this.#lost }, 'recording goes on; ticks are missing in it');
    }
    if ((fresh && before.plan !== undefined) || this.#lost > 0 || jumped)
      this.#line({ kind: 'State', state: recordedState(before) });
    this.#lost = 0;
    const {
      nowMs,
      samples,
      reports,
      presence,
      deliveries = [],
      answers = [],
      perturbations = [],
      operations = NONE,
    } = input;
    // What the tick reads of them; a refusal's text holds parts of the policy.
    const acked = deliveries.filter(({ kind }) => kind === 'Acked');
    const delivered = acked.length === 0 ? {} : { deliveries: acked };
    const answered = answers.length === 0 ? {} : { answers };
    const perturbed = perturbations.length === 0 ? {} : { perturbations };
    const told = this.#told?.operations ?? NONE;
    const same = operations === told || (operations.length === 0 && told.length === 0);
    const byHand = same ? {} : { operations };
    this.#told = { policy: files, endpoints, operations };
    const heard = {
      samples: groupSamples(samples),
      reports,
      presence,
      ...delivered,
      ...answered,
      ...perturbed,
      ...byHand,
    };
    this.#line({ kind: 'Tick', nowMs, ...heard, decisions });
  }

  #line(line: RecordingLine): void {
    this.#file.write(`${JSON.stringify(line)}\n`);
  }
}
