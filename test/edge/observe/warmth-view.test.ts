import { describe, expect, it } from 'vitest';
import type { Warmth } from '../../../src/core/warmth/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { warmthView } from '../../../src/edge/observe/warmth-view.ts';
import { loaded } from '../../core/policy/load.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { viewInput } from './a-view.ts';

const PORTS = [1, 2, 3, 4, 5, 6];
const policy = loaded(
  poolsPolicy([
    { name: 'plain', ports: [9] },
    { name: 'kept', ports: PORTS, lines: '      keepWarm: { model: llama }\n' },
  ]),
);
const [chat] = policy.services;
const endpoints = staticEndpointSets(policy).flatMap((set) => set.endpoints);
const AGES = { sinceSec: 1, heardSec: 1, refused: false, idleSec: 0, waitSec: 60, askedSec: null, tokens: null };

function viewOf(beliefs: readonly (readonly [Warmth['belief'], string])[], pool = 1) {
  const state = Object.fromEntries(
    beliefs.map(([belief, words], i): [string, Warmth] => [`chat/kept/127.0.0.1:${i + 1}`, { ...AGES, belief, words }]),
  );
  const input = { ...viewInput(1), warmth: { chat: state } };
  return warmthView(input, chat as NonNullable<typeof chat>, chat?.pools[pool] as never, endpoints);
}

describe('how warm a pool is', () => {
  it('is nothing for a pool that is not kept warm', () => {
    expect(viewOf([], 0)).toBeNull();
  });

  it('counts its servers, and names who is cold and why', () => {
    expect(
      viewOf([
        ['Warm', 'answered in 0.20 s'],
        ['Cold', 'no answer within 30 s'],
        ['Unknown', 'not asked yet'],
      ]),
    ).toEqual({ warm: 1, cold: 1, unknown: 1, reason: '127.0.0.1:2 no answer within 30 s' });
  });

  it('names three, and says how many more there are', () => {
    expect(viewOf(PORTS.map(() => ['Cold', 'x']))?.reason).toBe(
      '127.0.0.1:1 x; 127.0.0.1:2 x; 127.0.0.1:3 x; and 3 more',
    );
  });
});
