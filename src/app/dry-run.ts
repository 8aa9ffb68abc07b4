import { setImmediate as turn } from 'node:timers/promises';
import { Compiler, type ControlState, type Plan } from '../core/control/index.ts';
import {
  type Audience,
  audiencesOf,
  type Broken,
  type ConnectedNode,
  changesFor,
  culpritIn,
  type DryRunReport,
  envoyProblem,
  judgesFor,
  OWN_RULES,
  placeOf,
  plansUnder,
  pushCosts,
  type Question,
  questionsFor,
  shrinkOf,
  type ValidateMode,
  type Verdict,
  type VerdictCheck,
  verdictOf,
  weightMoves,
} from '../core/dry-run/index.ts';
import type { Operation } from '../core/operations/index.ts';
import type { Policy, PolicyChange, PolicyVersion } from '../core/policy/index.ts';
import { type Resource, renderForValidation } from '../core/resources/index.ts';
import type { DryRunSeam } from '../edge/admin/index.ts';
import { staticEndpointSets } from '../edge/discovery/index.ts';
import type { AtHand, EnvoyAtHand, EnvoyJudge } from '../edge/envoy/index.ts';

export type DryRunOptions = {
  readonly mode: ValidateMode;
  readonly atHand: { look(): Promise<AtHand> };
  readonly judge: Pick<EnvoyJudge, 'judge'>;
  /** What the controller knows now. It is never changed here. */
  readonly state: () => ControlState;
  readonly operations: () => readonly Operation[];
  readonly connected: () => readonly ConnectedNode[];
  /** What a change says that was not said before. */
  readonly diff: (current: PolicyVersion | undefined, candidate: PolicyVersion) => Promise<readonly PolicyChange[]>;
  readonly now: () => number;
};

const NONE: AtHand = { envoys: [], unusable: [] };
const DISABLED = 'no Envoy is asked: --validate Disabled';
const MAX_CHANGES = 500;
/** Snapshots that Envoys are asked about in one run: 64 take ten seconds. */
const MAX_CHECKS = 64;
/** Parts of a snapshot that an Envoy is asked about to find what it does not name. */
const MAX_PARTS = 24;

/**
 * What a change of policy would do. One run at a time, and each in short turns between which ticks and streams go on: it is
 * computed on the values that the controller left behind, and Envoys are asked in processes of their own.
 */
export class DryRuns implements DryRunSeam {
  readonly #options: DryRunOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: DryRunOptions) {
    this.#options = options;
  }

  report(current: PolicyVersion | undefined, candidate: PolicyVersion): Promise<DryRunReport> {
    return this.#after(() => this.#report(current, candidate));
  }

  verdict({ policy }: PolicyVersion): Promise<Verdict> {
    return this.#after(async () => {
      const { after } = await this.#plans(undefined, policy);
      return this.#verdict(after, audiencesOf(this.#options.connected(), [policy]), new Compiler());
    });
  }

  async #report(current: PolicyVersion | undefined, candidate: PolicyVersion): Promise<DryRunReport> {
    const changes = await this.#options.diff(current, candidate);
    const { before, after } = await this.#plans(current?.policy, candidate.policy);
    const policies = [candidate.policy, ...(current === undefined ? [] : [current.policy])];
    const audiences = audiencesOf(this.#options.connected(), policies);
    const compiler = new Compiler();
    const snapshots = await inTurns(changesFor(audiences, before, after, compiler));
    return {
      from: current?.policy.revision ?? '',
      to: candidate.policy.revision,
      policy: { items: changes.slice(0, MAX_CHANGES), more: Math.max(0, changes.length - MAX_CHANGES) },
      snapshots,
      pushes: pushCosts(snapshots.items),
      weights: weightMoves(before, after),
      shrink: shrinkOf(current?.policy, candidate.policy),
      verdict: await this.#verdict(after, audiences, compiler),
    };
  }

  #plans(
    current: Policy | undefined,
    candidate: Policy,
  ): Promise<{ readonly before: Plan | undefined; readonly after: Plan }> {
    const { state, operations, now } = this.#options;
    return inTurns(
      plansUnder({
        state: state(),
        current,
        candidate,
        endpointSets: staticEndpointSets,
        operations: operations(),
        nowMs: now(),
      }),
    );
  }

  async #verdict(plan: Plan, audiences: readonly Audience[], compiler: Compiler): Promise<Verdict> {
    const { mode, atHand } = this.#options;
    const { envoys, unusable } = mode === 'Disabled' ? NONE : await atHand.look();
    const binaries = new Map(envoys.map(({ version, binary }) => [version, binary]));
    const connected = audiences.flatMap(({ key, receiver }) => (receiver.nodeCount > 0 ? [key.release] : []));
    const judges = judgesFor(connected, [...binaries.keys()]);
    const checks: VerdictCheck[] = [];
    let left = 0;
    for (const question of questionsFor(compiler, plan, audiences, judges)) {
      if (checks.length >= MAX_CHECKS) left += 1;
      else checks.push(...(await this.#check(question, plan.policy, binaries)));
      await turn();
    }
    return verdictOf(mode, checks, mode === 'Disabled' ? DISABLED : reasonOf(envoys.length, unusable, left));
  }

  /** Without an Envoy at hand a snapshot that breaks no rule of this build is not checked at all. */
  async #check(
    question: Question | Broken,
    policy: Policy,
    binaries: ReadonlyMap<string, string>,
  ): Promise<readonly VerdictCheck[]> {
    const { group, release } = question;
    if (question.kind === 'Broken') {
      const { problems } = question;
      return [{ group, release, envoy: OWN_RULES, outcome: 'Refused', cached: false, problems }];
    }
    const { version, resources } = question;
    if (version === undefined) return [];
    const envoy = { version, binary: binaries.get(version) as string };
    const judgement = await this.#options.judge.judge(envoy, question.bootstrap());
    const { outcome, cached } = judgement;
    const about = { group, release, envoy: version, outcome, cached };
    if (judgement.outcome === 'Accepted') return [{ ...about, problems: [] }];
    const { message } = judgement;
    if (judgement.outcome === 'NoAnswer') return [{ ...about, problems: [{ message }] }];
    const problem = envoyProblem(message, resources, policy);
    if (problem.resource !== undefined) return [{ ...about, problems: [problem] }];
    const culprit = await this.#culprit(envoy, resources);
    return [{ ...about, problems: [culprit === undefined ? problem : { message, ...placeOf(culprit) }] }];
  }

  async #culprit(envoy: EnvoyAtHand, resources: readonly Resource[]): Promise<Resource | undefined> {
    const steps = culpritIn(resources);
    let step = steps.next();
    for (let asked = 0; step.done !== true && asked < MAX_PARTS; asked++) {
      const { outcome } = await this.#options.judge.judge(envoy, renderForValidation(step.value));
      if (outcome === 'NoAnswer') return undefined;
      step = steps.next(outcome === 'Refused');
    }
    return step.done === true ? step.value : undefined;
  }

  #after<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#last.then(run);
    this.#last = done.catch(() => undefined); // whoever asked hears of it
    return done;
  }
}

function reasonOf(atHand: number, unusable: readonly string[], left: number): string {
  const looked = unusable.length === 0 ? '' : ` (${unusable.join('; ')})`;
  if (atHand === 0) {
    return `no Envoy is at hand${looked}; name one with --envoy PATH, or put one into the cache folder`;
  }
  return left === 0 ? '' : `${left} more snapshots were not looked at`;
}

async function inTurns<T>(steps: Generator<undefined, T>): Promise<T> {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await turn();
  }
}
