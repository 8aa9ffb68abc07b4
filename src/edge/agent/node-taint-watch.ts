import { LoadlineError } from '../../base/errors.ts';
import { type Backoff, backoffMs, type Random, type Result } from '../../base/units/index.ts';
import {
  departureBy,
  type Machine,
  machineText,
  type Notice,
  type TaintRule,
  taintsOf,
  timeText,
} from '../../core/operations/index.ts';
import type { SignalLog, Timers } from '../signals/index.ts';

export type NodeTaintWatchOptions = {
  readonly node: string;
  readonly rules: readonly TaintRule[];
  /** The servers of this machine; empty: the node is named. */
  readonly machines: readonly Machine[];
  /** Both throw LoadlineError when the server cannot be reached or does not let this agent. */
  readonly give: (notice: Notice) => Promise<Result<unknown>>;
  readonly withdraw: (notice: Notice) => Promise<Result<unknown>>;
  /** On the clock of the server: milliseconds since 1970. */
  readonly clock: () => number;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: SignalLog;
};

/** What the server did not take it is told again: of two minutes each second counts, but a fleet does not come at once. */
const BACKOFF: Backoff = { baseMs: 2000, maxMs: 15_000 };

/** What a taint means, for each machine here. */
type Said = { readonly atMs: number; readonly reason: string };
type Given = { readonly identity: string; readonly notice: Notice };

/**
 * Tells the server that this machine goes away once its node has a taint that says so, and that it stays when the taint is gone
 * first: an autoscaler that finds no other node for the pods, Karpenter without a replacement.
 */
export class NodeTaintWatch {
  readonly #options: NodeTaintWatchOptions;
  readonly #machines: readonly Machine[];
  /** By the identity of their taint: what the node says now. */
  #said: ReadonlyMap<string, Said> = new Map();
  /** By machine and identity: what the server has taken, and has not heard to be over. */
  readonly #given = new Map<string, Given>();
  #isTelling = false;
  #isNew = false;
  #failures = 0;
  /** Told of once, until all is heard. */
  readonly #troubles = new Set<string>();
  #stopped = false;
  #cancel: () => void = () => {};

  constructor(options: NodeTaintWatchOptions) {
    this.#options = options;
    this.#machines = options.machines.length > 0 ? options.machines : [{ kind: 'Instance', id: options.node }];
  }

  /** With the Node object as it is now; undefined: there is none, which takes nothing back that its taints have said. */
  observe(node: unknown): void {
    if (node === undefined) return;
    const { rules, clock, node: name } = this.#options;
    const nowMs = clock();
    const said = new Map<string, Said>();
    for (const taint of taintsOf(node)) {
      const departure = departureBy(taint, rules, nowMs);
      if (departure === undefined) continue;
      const { identity, atMs, key } = departure;
      said.set(identity, this.#said.get(identity) ?? { atMs, reason: `node ${name} has the taint ${key}` });
    }
    if (sameKeys(said, this.#said)) return;
    this.#said = said;
    this.#isNew = true;
    this.#cancel();
    void this.#tell();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  /** Once at a time, until the server knows all of it. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    let heard: boolean;
    do {
      this.#isNew = false;
      heard = await this.#round();
    } while (this.#isNew && !this.#stopped);
    this.#isTelling = false;
    if (heard) {
      this.#failures = 0;
      this.#troubles.clear();
    } else if (!this.#stopped) {
      const { timers, random } = this.#options;
      this.#failures += 1;
      this.#cancel = timers.after(backoffMs(BACKOFF, this.#failures, random), () => void this.#tell());
    }
  }

  /** What is over comes first: it may have covered another notice for its machine, which has to be given anew. */
  async #round(): Promise<boolean> {
    const { give, withdraw, log } = this.#options;
    let heard = true;
    for (const [key, { identity, notice }] of [...this.#given]) {
      if (this.#said.has(identity)) continue;
      const machine = machineText(notice.machine);
      if (!(await this.#heard(withdraw, notice))) heard = false;
      else {
        this.#given.delete(key);
        for (const [other, one] of [...this.#given])
          if (this.#said.has(one.identity) && machineText(one.notice.machine) === machine) this.#given.delete(other);
        log.info({ machine, reason: notice.reason }, 'interruption notice withdrawn');
      }
    }
    const urgent = [...this.#said].sort(([, a], [, b]) => a.atMs - b.atMs);
    for (const machine of this.#machines)
      for (const [identity, { atMs, reason }] of urgent) {
        const name = machineText(machine);
        const key = `${name} ${identity}`;
        if (this.#given.has(key)) continue;
        const notice = { machine, atMs, reason };
        if (!(await this.#heard(give, notice))) heard = false;
        else {
          this.#given.set(key, { identity, notice });
          log.info({ machine: name, reason, deadline: timeText(atMs) }, 'interruption notice given');
        }
      }
    return heard;
  }

  async #heard(tell: (notice: Notice) => Promise<Result<unknown>>, notice: Notice): Promise<boolean> {
    if (this.#stopped) return false;
    try {
      const taken = await tell(notice);
      if (taken.ok) return true;
      this.#warn(`the server refuses the notice for ${machineText(notice.machine)}: ${taken.issues[0]?.message}`);
    } catch (error) {
      if (!(error instanceof LoadlineError)) throw error;
      this.#warn(error.message);
    }
    return false;
  }

  #warn(error: string): void {
    if (this.#troubles.has(error)) return;
    this.#troubles.add(error);
    this.#options.log.warn({ error }, 'interruption notices do not work');
  }
}

function sameKeys(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  return a.size === b.size && [...a.keys()].every((key) => b.has(key));
}
