import { describe, expect, it } from 'vitest';
import type { ServiceLoad } from '../../../src/core/load/index.ts';
import { cutsRetries } from '../../../src/core/overload/index.ts';

type Server = { readonly issued?: number; readonly errorRatio?: number; readonly errorsPerSec?: number };

function load(servers: readonly Server[], loadReports: 'Fresh' | 'Silent' = 'Fresh'): ServiceLoad {
  const endpoints = servers.map(({ issued = 10, errorRatio = 0, errorsPerSec = issued * errorRatio }) => ({
    issued,
    errorRatio,
    errorsPerSec,
  }));
  return { loadReports, endpoints } as unknown as ServiceLoad;
}

const DEAD: Server = { errorRatio: 1 };

describe('retries of a service', () => {
  it('are cut when every server that is asked fails, not while one answers', () => {
    expect(cutsRetries(false, load([DEAD, DEAD, DEAD]), true)).toBe(true);
    expect(cutsRetries(false, load([DEAD, DEAD, {}]), true)).toBe(false);
    expect(cutsRetries(false, load([DEAD, { errorRatio: 0.7 }]), true)).toBe(false);
  });

  it('are cut though some have nothing to say: those that are ejected', () => {
    expect(cutsRetries(false, load([DEAD, { issued: 0, errorRatio: 0.05, errorsPerSec: 0.6 }]), true)).toBe(true);
  });

  it('are not cut for a few failures: no storm comes of them', () => {
    expect(cutsRetries(false, load([{ issued: 1, errorRatio: 1, errorsPerSec: 1 }]), true)).toBe(false);
  });

  it('come back with the first server that answers half of what it is asked', () => {
    expect(cutsRetries(true, load([DEAD, DEAD, { errorRatio: 0.6 }]), true)).toBe(true);
    expect(cutsRetries(true, load([DEAD, DEAD, { errorRatio: 0.5 }]), true)).toBe(false);
  });

  it('stay as they are while nobody asks, and come back when nobody reports', () => {
    const idle = [{ issued: 0 }, { issued: 0 }];
    expect([true, false].map((before) => cutsRetries(before, load(idle), true))).toEqual([true, false]);
    expect(cutsRetries(true, load([DEAD], 'Silent'), false)).toBe(false);
    // Just restarted: the reports of before still count.
    expect(cutsRetries(true, load([DEAD], 'Silent'), true)).toBe(true);
    expect(cutsRetries(false, load([DEAD], 'Silent'), true)).toBe(false);
  });
});
