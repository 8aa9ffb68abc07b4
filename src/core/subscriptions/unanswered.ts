import type { Resource } from '../resources/index.ts';

/** A response that was sent. */
export type Sent = {
  /** Its own; of several in one after {@link Unanswered.answer} put them together. */
  readonly nonces: readonly string[];
  readonly sentAtMs: number;
  readonly changed: readonly Resource[];
  readonly dropped: readonly string[];
  /** State of the world: its `version_info`. */
  readonly version: string;
};

/** What an answer says. */
export type Answered = {
  /** The response of the nonce. */
  readonly sent: Sent;
  /** In the order in which they were sent. */
  readonly taken: readonly Sent[];
  readonly refused: Sent | undefined;
};

/**
 * The responses of one subscription that were not answered yet. Earlier ones than that which is answered were taken: answers
 * come in order.
 *
 * In state of the world a client answers only the newest of several responses, and an error of an earlier one travels with
 * that answer (Envoy pauses its requests while clusters warm). There `takenVersion`, the `version_info` that it took last,
 * tells which were taken: those up to it. If that is the newest, the error is about one before.
 */
export class Unanswered {
  readonly #sent: Sent[] = [];

  get size(): number {
    return this.#sent.length;
  }

  add(sent: Sent): void {
    this.#sent.push(sent);
  }

  /** Undefined for a nonce that answers nothing. */
  answer(nonce: string, refused: boolean, takenVersion: string | undefined): Answered | undefined {
    const at = nonce === '' ? -1 : this.#sent.findIndex(({ nonces }) => nonces[0] === nonce);
    if (at === -1) return undefined;
    const answered = this.#sent.splice(0, at + 1);
    const sent = answered[at] as Sent;
    if (!refused) return { sent, taken: answered, refused: undefined };
    // A single response that is refused at the version that was taken before (envoy#14841) is refused all the same.
    const lastTaken =
      takenVersion === undefined || at === 0
        ? at - 1
        : answered.findLastIndex(({ version }) => version !== '' && version === takenVersion);
    const isNewest = lastTaken === at && at > 0;
    if (isNewest) return { sent, taken: [sent], refused: asOne(answered.slice(0, -1), sent) };
    return { sent, taken: answered.slice(0, lastTaken + 1), refused: asOne(answered.slice(lastTaken + 1), undefined) };
  }
}

/** What a response that was taken carries in a newer version is no longer of interest. */
function asOne(refused: readonly Sent[], taken: Sent | undefined): Sent {
  const [only] = refused;
  if (refused.length === 1 && only !== undefined && taken === undefined) return only;
  const changed = new Map<string, Resource>();
  for (const one of refused) for (const resource of one.changed) changed.set(resource.name, resource);
  for (const { name } of taken?.changed ?? []) changed.delete(name);
  return {
    nonces: refused.flatMap(({ nonces }) => nonces),
    sentAtMs: refused[0]?.sentAtMs ?? 0,
    changed: [...changed.values()],
    dropped: refused.flatMap(({ dropped }) => dropped),
    version: '',
  };
}
