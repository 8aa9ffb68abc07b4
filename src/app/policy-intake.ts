import type { PolicyRead, PolicyText } from '../edge/store/index.ts';
import type { PolicyGate } from './policy-gate.ts';
import type { Loaded, PolicyKeeper } from './policy-keeper.ts';
import type { PolicyLoads } from './policy-loads.ts';
import type { PolicyNews } from './policy-news.ts';
import type { PolicySource } from './policy-source.ts';
import type { Offered, Rollouts } from './rollouts.ts';

export type PolicyIntakeOptions = {
  readonly source: Pick<PolicySource, 'owner' | 'mayBeEmpty' | 'takeBack'>;
  readonly loads: PolicyLoads;
  readonly keeper: PolicyKeeper;
  readonly gate: Pick<PolicyGate, 'judge' | 'shrinks' | 'force'>;
  readonly rollouts: Rollouts;
  readonly news: Pick<PolicyNews, 'tell' | 'tellAwaited'>;
  readonly now: () => number;
  /** Another policy is in force, or tried, than a moment ago: gives it to the sidecars. */
  readonly changed: (became: Offered) => void;
};

/**
 * The way of a policy from a read to the sidecars: it is judged, taken in as the wanted one, offered to the rollouts, and where
 * it was taken back the source is told. What is wanted is known by the keeper, what is in force by the rollouts; here is only
 * what lies between them.
 */
export class PolicyIntake {
  readonly #options: PolicyIntakeOptions;
  /** The store was brought back to what is in force. */
  #tookBack = false;
  /** The rollouts know of a policy that is wanted. */
  #offered = false;
  /** The newest policies, in force or not. */
  #read: PolicyRead = { ok: false, reason: 'nothing was read' };

  constructor(options: PolicyIntakeOptions) {
    this.#options = options;
  }

  /**
   * Takes the first read in. What stood before the restart stands until a policy that differs from it was judged: it gets no easier way in
   * than a change that comes while the server runs. One that canaries had then goes on being tried: they would get what was before, and
   * then the same again. Where nothing stood it is in force.
   * @param stored texts that were in force before the restart
   * @returns whether it is still to be judged: {@link take} does
   * @throws LoadlineError LOADLINE_POLICY_UNUSABLE when there is nothing to serve, and nothing can come later
   */
  start(first: PolicyRead, stored: readonly PolicyText[] | undefined): boolean {
    const { source, loads, keeper, rollouts, news, now } = this.#options;
    this.#read = first;
    const stood = rollouts.stable;
    const loaded = first.ok ? loads.load(first.files) : undefined;
    const revision = loaded?.ok === true ? loaded.value.revision : undefined;
    const isNew = revision !== undefined && revision !== stood?.policy.revision && !rollouts.wasTried(revision);
    if (stood !== undefined && isNew) {
      keeper.take({ ok: true, files: stood.files, hash: '' }, now());
      news.tellAwaited(revision, stood.policy.revision);
      return true;
    }
    keeper.startWith(first, stored, now(), source.mayBeEmpty);
    news.tell(keeper, first);
    if (keeper.loaded !== undefined) this.#offer(keeper.loaded);
    return false;
  }

  /** Takes a read in. Resolves when it is known what becomes of it. */
  async take(read: PolicyRead): Promise<void> {
    const { source, keeper, gate, rollouts, news, now, changed } = this.#options;
    this.#read = read;
    const problems = await gate.judge(read);
    if (problems === undefined) return;
    if (problems.length > 0) keeper.refuse(problems);
    const outcome = problems.length > 0 ? 'Refused' : keeper.take(read, now());
    news.tell(keeper, read, outcome);
    const wanted = keeper.loaded;
    if (wanted === undefined) return;
    // After a restart it is only now known that what stood stays: this release may compile other bytes of it.
    if (!this.#offered) return changed(this.#offer(wanted));
    if (outcome === 'Refused') return;
    if (outcome === 'Unchanged') return rollouts.reword(wanted);
    const stands = wanted.policy.revision === rollouts.stable?.policy.revision;
    // What was taken back is still what there is to tell of.
    if (this.#tookBack && stands) return rollouts.reword(wanted);
    this.#tookBack = false;
    if (source.owner.kind === 'Store') rollouts.askedAgain();
    changed(this.#offer(wanted));
  }

  /** Lets in what is held back for its size. @returns why it cannot be done, in words */
  force(): string | undefined {
    const { loads, gate } = this.#options;
    const loaded = this.#read.ok ? loads.load(this.#read.files) : undefined;
    if (loaded?.ok !== true || gate.shrinks(loaded.value) === undefined) return 'nothing is held back';
    gate.force(loaded.value.revision);
    void this.take(this.#read);
    return undefined;
  }

  /** A policy that was tried is nobody's any more: the source is to say again what is in force. */
  takeBack(tried: Loaded | undefined, why: string): void {
    const { source, rollouts } = this.#options;
    const texts = { tried: tried?.files ?? [], inForce: rollouts.stable?.files ?? [] };
    source.takeBack(texts, why).then((written) => {
      this.#tookBack ||= written;
    });
  }

  #offer(wanted: Loaded): Offered {
    const { rollouts } = this.#options;
    this.#offered = true;
    const offered = rollouts.offer(wanted);
    // The server ended before it could say so in the store.
    if (offered === 'Returned') this.takeBack(wanted, rollouts.problem()?.message ?? 'it was taken back');
    return offered;
  }
}
