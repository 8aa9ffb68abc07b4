import { join } from 'node:path';
import type { ControlState } from '../core/control/index.ts';
import type { ConnectedNode, ValidateMode } from '../core/dry-run/index.ts';
import type { Operation } from '../core/operations/index.ts';
import type { Policy } from '../core/policy/index.ts';
import { EnvoyJudge, EnvoysAtHand, JudgementCache } from '../edge/envoy/index.ts';
import { DryRuns } from './dry-run.ts';
import { PolicyGate } from './policy-gate.ts';
import type { PolicyLoads } from './policy-loads.ts';

export type ValidateOptions = {
  readonly mode: ValidateMode;
  /** Envoys to ask; none named: those that are at hand. */
  readonly envoys?: readonly string[] | undefined;
  /** Of endpoints, or of clusters, that one change may take away without being forced: 0..1; 0.5 by default. */
  readonly maxShrinkRatio?: number | undefined;
};

const MAX_SHRINK_RATIO = 0.5;

export type World = {
  /** Data directory. */
  readonly data: string;
  readonly loads: PolicyLoads;
  readonly loop: { readonly state: ControlState };
  readonly xds: { connected(): readonly ConnectedNode[] };
  /** What operators do by hand. */
  readonly operations: () => readonly Operation[];
  /** Revision that is wanted already; undefined: none is. */
  readonly inForce: () => string | undefined;
  /** What all sidecars have that try nothing. */
  readonly stable: () => Policy | undefined;
  /** Whether a revision was in force before. */
  readonly isGood: (revision: string) => boolean;
  readonly now: () => number;
};

/** The dry runs of a server, the gate before its policies, and the Envoys that judge for both. */
export class Validation {
  readonly dryRuns: DryRuns;
  readonly gate: PolicyGate;
  /** Whether a verdict may take as long as Envoys do. */
  readonly asksEnvoys: boolean;
  readonly #judge: EnvoyJudge;

  /** @param options undefined: no Envoy is asked */
  constructor(
    options: ValidateOptions = { mode: 'Disabled' },
    { data, loads, loop, xds, operations, inForce, stable, isGood, now }: World,
  ) {
    this.asksEnvoys = options.mode !== 'Disabled';
    this.#judge = new EnvoyJudge({ cache: new JudgementCache(join(data, 'envoy-verdicts.json')) });
    this.dryRuns = new DryRuns({
      mode: options.mode,
      atHand: new EnvoysAtHand({ binaries: options.envoys }),
      judge: this.#judge,
      state: () => loop.state,
      operations,
      connected: () => xds.connected(),
      diff: (current, candidate) => loads.diff(current, candidate),
      now,
    });
    this.gate = new PolicyGate({
      load: (files) => loads.loadInTurns(files),
      verdict: (candidate) => this.dryRuns.verdict(candidate),
      inForce,
      stable,
      isGood,
      maxShrinkRatio: options.maxShrinkRatio ?? MAX_SHRINK_RATIO,
    });
  }

  /** Ends the question that is being asked; nobody hears of it. */
  async stop(): Promise<void> {
    this.gate.stop();
    await this.#judge.stop();
  }
}
