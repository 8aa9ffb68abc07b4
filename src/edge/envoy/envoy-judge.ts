import { createHash } from 'node:crypto';
import type { JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import type { EnvoyAtHand } from './envoys-at-hand.ts';
import type { JudgementCache } from './judgement-cache.ts';
import { type Validation, validateBootstrap } from './validate-bootstrap.ts';

export type Judgement =
  | { readonly outcome: 'Accepted'; readonly cached: boolean }
  | { readonly outcome: 'Refused'; readonly cached: boolean; readonly message: string }
  /** It could not be started, crashed, or took too long. */
  | { readonly outcome: 'NoAnswer'; readonly cached: false; readonly message: string };

export type JudgeOptions = {
  readonly cache: JudgementCache;
  readonly timeoutMs?: number;
  /** How an Envoy is asked; a real one by default. */
  readonly ask?: typeof validateBootstrap;
};

/** 500 clusters of 10 hosts take 0.4 to 1 s on a busy machine. */
const TIMEOUT_MS = 20_000;

/** Asks Envoys about configurations: one process at a time, each with a deadline, the same question once. */
export class EnvoyJudge {
  readonly #cache: JudgementCache;
  readonly #timeoutMs: number;
  readonly #ask: typeof validateBootstrap;
  readonly #ended = new AbortController();
  readonly #asked = new Map<string, Promise<Judgement>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor({ cache, timeoutMs = TIMEOUT_MS, ask = validateBootstrap }: JudgeOptions) {
    this.#cache = cache;
    this.#timeoutMs = timeoutMs;
    this.#ask = ask;
  }

  /** Never rejects over an Envoy that fails. */
  async judge(envoy: EnvoyAtHand, bootstrap: JsonObject): Promise<Judgement> {
    // All of the hash: who may write policies must not be able to make one that is taken for another.
    const key = `${envoy.version} ${createHash('sha256').update(JSON.stringify(bootstrap)).digest('hex')}`;
    const known = await this.#cache.get(key);
    if (known !== undefined) return judgementOf(known, true);
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#last.then(() => this.#question(key, envoy, bootstrap));
      this.#asked.set(key, asked);
      // Whoever asked hears of a failure; the next question has nothing to do with it.
      this.#last = asked.catch(() => undefined).finally(() => this.#asked.delete(key));
    }
    return asked;
  }

  /** Kills the Envoy that is being asked. */
  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#last;
    await this.#cache.saved();
  }

  async #question(key: string, { binary }: EnvoyAtHand, bootstrap: JsonObject): Promise<Judgement> {
    try {
      if (this.#ended.signal.aborted) return { outcome: 'NoAnswer', cached: false, message: 'the server is ending' };
      const options = { timeoutMs: this.#timeoutMs, signal: this.#ended.signal };
      const validation = await this.#ask(binary, bootstrap, options);
      this.#cache.put(key, validation);
      return judgementOf(validation, false);
    } catch (error) {
      if (!(error instanceof LoadlineError)) throw error;
      return { outcome: 'NoAnswer', cached: false, message: error.message };
    }
  }
}

function judgementOf(validation: Validation, cached: boolean): Judgement {
  return validation.ok ? { outcome: 'Accepted', cached } : { outcome: 'Refused', cached, message: validation.message };
}
