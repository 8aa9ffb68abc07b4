import { setMaxListeners } from 'node:events';
import type { PromptAnswer, PromptResult } from '../../core/topology/index.ts';
import type { Prompt } from '../../core/warmth/index.ts';
import type { OutboundGuard } from '../outbound/index.ts';
import { sendPrompt } from './send-prompt.ts';

export type PrompterOptions = {
  readonly guard: OutboundGuard;
  /** Hears of every prompt that was to be sent: for the counters. */
  readonly settled?: (kind: PromptResult['kind']) => void;
  readonly maxConcurrent?: number;
};

/** Of all services: a server that hangs holds its place until its timeout. */
const MAX_CONCURRENT = 128;

/** Sends what a tick wants sent, and keeps the answers until the next one takes them. One prompt at a time for each endpoint. */
export class Prompter {
  readonly #options: PrompterOptions;
  readonly #places: number;
  readonly #asked = new Set<string>();
  readonly #stop = new AbortController();
  #answers: PromptAnswer[] = [];

  constructor(options: PrompterOptions) {
    this.#options = options;
    this.#places = options.maxConcurrent ?? MAX_CONCURRENT;
    // One for each prompt that is under way; node warns of more than ten.
    setMaxListeners(this.#places, this.#stop.signal);
  }

  send(prompts: readonly Prompt[]): void {
    for (const prompt of prompts) void this.#ask(prompt);
  }

  /** What has come since the last call. */
  take(): readonly PromptAnswer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  /** Ends what is under way; nothing is sent after it. */
  stop(): void {
    this.#stop.abort();
  }

  async #ask(prompt: Prompt): Promise<void> {
    const { endpoint } = prompt;
    if (this.#asked.has(endpoint)) {
      this.#settle(endpoint, { kind: 'Unsent', why: 'the last prompt is not answered yet' });
    } else if (this.#asked.size >= this.#places) {
      this.#settle(endpoint, { kind: 'Unsent', why: 'too many prompts are on their way' });
    } else {
      this.#asked.add(endpoint);
      const result = await sendPrompt(prompt, this.#options.guard, this.#stop.signal);
      this.#asked.delete(endpoint);
      this.#settle(endpoint, result);
    }
  }

  #settle(endpoint: string, result: PromptResult): void {
    this.#options.settled?.(result.kind);
    this.#answers.push({ endpoint, result });
  }
}
