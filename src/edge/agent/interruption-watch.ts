import { LoadlineError } from '../../base/errors.ts';
import type { Result } from '../../base/units/index.ts';
import { type Machine, machineText, type Notice, timeText } from '../../core/operations/index.ts';
import type { SignalLog, Timers } from '../signals/index.ts';
import type { InstanceAction, InstanceMetadata } from './instance-metadata.ts';

export type InterruptionWatchOptions = {
  readonly metadata: Pick<InstanceMetadata, 'instanceAction' | 'instanceId'>;
  /** The servers of this machine; empty: the machine is named as its cloud calls it. */
  readonly machines: readonly Machine[];
  /** @throws LoadlineError when the server cannot be reached or does not let this agent */
  readonly give: (notice: Notice) => Promise<Result<unknown>>;
  readonly timers: Timers;
  readonly log: SignalLog;
};

/** AWS asks for every 5 s; a request to the own machine is cheap, and of two minutes each second counts. */
const INTERVAL_MS = 2000;

/**
 * Asks the metadata service whether this machine is to go away, and tells the server once it is. What the server did not take it is
 * told again: a notice that is given twice begins nothing twice.
 */
export class InterruptionWatch {
  readonly #options: InterruptionWatchOptions;
  #cancel: () => void = () => {};
  #stopped = false;
  /** What the server has taken. */
  readonly #given = new Set<string>();
  /** Told of once, until something else is wrong. */
  #trouble = '';

  constructor(options: InterruptionWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#after(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #after(delayMs: number): void {
    if (!this.#stopped) this.#cancel = this.#options.timers.after(delayMs, () => void this.#turn());
  }

  async #turn(): Promise<void> {
    const asked = await this.#options.metadata.instanceAction();
    if (this.#stopped) return;
    if (!asked.ok) this.#warn(`the instance metadata service ${asked.issues[0]?.message}`);
    else if (asked.value === undefined) this.#trouble = '';
    else await this.#tell(asked.value);
    this.#after(INTERVAL_MS);
  }

  async #tell({ action, atMs }: InstanceAction): Promise<void> {
    const { give, log } = this.#options;
    for (const machine of await this.#machines()) {
      const name = machineText(machine);
      const key = `${name} ${atMs}`;
      if (this.#given.has(key)) continue;
      try {
        const taken = await give({ machine, atMs, reason: `Spot interruption: ${action}` });
        if (taken.ok) {
          this.#given.add(key);
          log.info({ machine: name, action, deadline: timeText(atMs) }, 'interruption notice given');
        } else this.#warn(`the server refuses the notice for ${name}: ${taken.issues[0]?.message}`);
      } catch (error) {
        if (!(error instanceof LoadlineError)) throw error;
        this.#warn(error.message);
      }
    }
  }

  async #machines(): Promise<readonly Machine[]> {
    const { machines, metadata } = this.#options;
    if (machines.length > 0) return machines;
    const id = await metadata.instanceId();
    if (id.ok) return [{ kind: 'Instance', id: id.value }];
    this.#warn(`the instance metadata service ${id.issues[0]?.message}`);
    return [];
  }

  #warn(error: string): void {
    if (error === this.#trouble) return;
    this.#trouble = error;
    this.#options.log.warn({ error }, 'interruption notices do not work');
  }
}
