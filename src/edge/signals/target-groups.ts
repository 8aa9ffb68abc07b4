import type { Target } from './target.ts';

/** Targets that one answer serves: a page or a Prometheus that several pools read is asked once for all of them. */
export type TargetGroup = {
  /** Same key, same run: it goes on while targets come and go. */
  readonly key: string;
  /** The smallest that any of them wants. */
  readonly intervalMs: number;
  /** At least one, in the order of the policy, no key twice. */
  readonly targets: readonly Target[];
};

/** What is asked for together: pure, and in the order of the first target of each group. */
export function groupTargets(targets: readonly Target[]): readonly TargetGroup[] {
  const groups = new Map<string, Map<string, Target>>();
  for (const target of targets) {
    const key = JSON.stringify([whoAnswers(target), target.url]);
    const group = groups.get(key) ?? new Map<string, Target>();
    group.set(target.key, target);
    groups.set(key, group);
  }
  return [...groups].map(([key, group]) => {
    const members = [...group.values()];
    return { key, intervalMs: Math.min(...members.map(({ intervalMs }) => intervalMs)), targets: members };
  });
}

/** One query tells of engines and GPUs. */
function whoAnswers({ kind }: Target): string {
  return kind === 'EnginePrometheus' ? 'Prometheus' : kind;
}
