import { describe, expect, it } from 'vitest';
import type { PromptResult } from '../../../src/core/topology/index.ts';
import { verdictOf } from '../../../src/core/warmth/verdict.ts';

const SLOW_ABOVE_SEC = 2;

describe('what an answer to a prompt means', () => {
  it.each<[PromptResult, string, boolean, string]>([
    [{ kind: 'Answered', firstByteSec: 0.214 }, 'Warm', false, 'answered in 0.21 s'],
    [{ kind: 'Answered', firstByteSec: 2 }, 'Warm', false, 'answered in 2.00 s'],
    [{ kind: 'Answered', firstByteSec: 4.2 }, 'Cold', false, 'answered in 4.20 s, slow above 2 s'],
    [{ kind: 'Status', status: 503 }, 'Cold', false, 'answered with status 503'],
    [{ kind: 'Status', status: 429 }, 'Unknown', false, 'answered with status 429'],
    [{ kind: 'Status', status: 404 }, 'Unknown', true, 'answered with status 404: it takes no such prompt (keepWarm)'],
    [{ kind: 'Status', status: 302 }, 'Unknown', true, 'answered with status 302: it takes no such prompt (keepWarm)'],
    [{ kind: 'TimedOut', afterSec: 30 }, 'Cold', false, 'no answer within 30 s'],
    [{ kind: 'Failed', why: 'connection refused' }, 'Cold', false, 'no answer: connection refused'],
  ])('%j: %s', (result, belief, refused, words) => {
    expect(verdictOf(result, SLOW_ABOVE_SEC)).toEqual({ belief, refused, words });
  });

  it('is nothing where the prompt did not go out', () => {
    expect(verdictOf({ kind: 'Unsent', why: 'too many' }, SLOW_ABOVE_SEC)).toBeNull();
  });
});
