import type { PromptResult } from '../topology/index.ts';
import type { Belief } from './warmth.ts';

/** What an answer says about a server; null: nothing. */
export type Verdict = { readonly belief: Belief; readonly refused: boolean; readonly words: string } | null;

/** A server that is full says so with it: it works. */
const TOO_MANY_REQUESTS = 429;

/**
 * A status of 4xx is the policy's fault (a wrong path, a model of another name, a key that is missing), and would make a whole
 * standby cold by a slip of the pen: it leaves unknown how the server is.
 */
export function verdictOf(result: PromptResult, slowAboveSec: number): Verdict {
  switch (result.kind) {
    case 'Answered': {
      const took = `answered in ${result.firstByteSec.toFixed(2)} s`;
      if (result.firstByteSec <= slowAboveSec) return { belief: 'Warm', refused: false, words: took };
      return { belief: 'Cold', refused: false, words: `${took}, slow above ${slowAboveSec} s` };
    }
    case 'Status': {
      const words = `answered with status ${result.status}`;
      if (result.status >= 500) return { belief: 'Cold', refused: false, words };
      if (result.status === TOO_MANY_REQUESTS) return { belief: 'Unknown', refused: false, words };
      return { belief: 'Unknown', refused: true, words: `${words}: it takes no such prompt (keepWarm)` };
    }
    case 'TimedOut':
      return { belief: 'Cold', refused: false, words: `no answer within ${result.afterSec} s` };
    case 'Failed':
      return { belief: 'Cold', refused: false, words: `no answer: ${result.why}` };
    case 'Unsent':
      return null;
  }
}
