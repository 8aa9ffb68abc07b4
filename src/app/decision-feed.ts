import { own } from '../base/units/index.ts';
import { undivided } from '../core/control/index.ts';
import { reasonsOf } from '../core/weights/index.ts';
import type { DecisionsSeam } from '../edge/admin/index.ts';
import { type DecidedService, decisionChanged } from '../edge/observe/index.ts';
import type { Ticked } from './control-loop.ts';

/**
 * Keeps the newest decision about each service that changed anything, and counts them. Nothing is kept for a reader: whoever is
 * slow finds the newest, and in the count how many were before it.
 */
export class DecisionFeed implements DecisionsSeam {
  readonly #decided = new Map<string, DecidedService>();
  readonly #watchers = new Set<() => void>();

  ticked({
    plan,
    loads,
    tick,
    atMs,
  }: Pick<Ticked, 'plan' | 'loads'> & { readonly tick: number; readonly atMs: number }): void {
    let isNew = false;
    for (const [service, decision] of Object.entries(plan.decisions)) {
      const before = this.#decided.get(service);
      if (before !== undefined && !decisionChanged(before.decision, decision)) continue;
      const load = own(loads, service);
      const policy = plan.policy.services.find(({ name }) => name === service);
      const endpoints = own(plan.endpoints, service) ?? [];
      const reasons = (): ReturnType<DecidedService['reasons']> =>
        reasonsOf(policy === undefined ? decision : undivided(policy, endpoints, decision), load);
      this.#decided.set(service, { service, tick, atMs, turn: (before?.turn ?? 0) + 1, decision, reasons });
      isNew = true;
    }
    for (const service of this.#decided.keys()) {
      if (Object.hasOwn(plan.decisions, service)) continue;
      this.#decided.delete(service);
      isNew = true;
    }
    if (isNew) for (const tell of this.#watchers) tell();
  }

  services(): readonly string[] {
    return [...this.#decided.keys()];
  }

  newest(service: string): DecidedService | undefined {
    return this.#decided.get(service);
  }

  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }
}
