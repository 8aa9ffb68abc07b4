import type { JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import type { Compiler, Plan } from '../control/index.ts';
import { type Resource, renderForValidation } from '../resources/index.ts';
import type { Snapshot, SnapshotKey } from '../snapshot/index.ts';
import { placeOf } from './envoy-problem.ts';
import type { Judge } from './judges.ts';
import type { Audience } from './receivers.ts';
import type { EnvoyProblem } from './report.ts';

/** What an Envoy is asked. */
export type Question = {
  readonly kind: 'Ask';
  readonly group: string;
  readonly release: string;
  /** Version of the Envoy that is to answer; undefined: none can. */
  readonly version: string | undefined;
  readonly resources: readonly Resource[];
  /** What it is asked about. */
  readonly bootstrap: () => JsonObject;
};

/** What needs no question: Envoy's own rules, of which every build has a copy, refuse it. */
export type Broken = {
  readonly kind: 'Broken';
  readonly group: string;
  readonly release: string;
  readonly problems: readonly EnvoyProblem[];
};

/**
 * One for each snapshot, as the judges' releases would get it; one by one, because each is a few megabytes at worst.
 *
 * @param compiler one that has compiled no other Plan: a snapshot that stands would lend its good resources to what is judged
 */
export function* questionsFor(
  compiler: Compiler,
  plan: Plan,
  audiences: readonly Audience[],
  judges: readonly Judge[],
): Generator<Question | Broken> {
  const nobody = audiences.every(({ receiver }) => receiver.nodeCount === 0);
  for (const [index, { release, version, judgedAs }] of judges.entries()) {
    const last = index === judges.length - 1;
    for (const { key, receiver } of audiences) {
      // Groups that nobody is connected of have no release of their own.
      if (key.release !== release && !(receiver.nodeCount === 0 && (last || nobody))) continue;
      const compiled = compile(compiler, plan, { ...key, release: judgedAs });
      if (compiled === undefined) continue;
      const about = { group: key.group, release };
      if ('problems' in compiled) yield { kind: 'Broken', ...about, problems: compiled.problems };
      else {
        const resources = [...compiled.snapshot.types.values()].flatMap((view) => [...view.values()]);
        yield { kind: 'Ask', ...about, version, resources, bootstrap: () => renderForValidation(resources) };
      }
    }
  }
}

function compile(
  compiler: Compiler,
  plan: Plan,
  key: SnapshotKey,
): { readonly snapshot: Snapshot } | { readonly problems: readonly EnvoyProblem[] } | undefined {
  try {
    const snapshot = compiler.snapshot(plan, key);
    const refusals = compiler.refusalsOf(key);
    if (refusals.length === 0) return snapshot && { snapshot };
    return { problems: refusals.map(({ resource, reason }) => ({ message: reason, ...placeOf(resource) })) };
  } catch (error) {
    if (!(error instanceof LoadlineError)) throw error;
    return { problems: [{ message: error.message }] };
  }
}
