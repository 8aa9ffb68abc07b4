import { describe, expect, it } from 'vitest';
import { PolicyKeeper } from '../../src/app/policy-keeper.ts';
import type { PolicyRead } from '../../src/edge/store/index.ts';
import { group, service } from '../core/policy/load.ts';

function read(text: string, name = 'lab.yaml'): PolicyRead {
  return { ok: true, files: [{ name, text }], hash: '' };
}

const GOOD = read(`${group('[chat]')}---\n${service()}`);
const BETTER = read(`${group('[chat]')}---\n${service(['timeouts: { request: 5s }'])}`);
const BAD = read(`${group('[chat]')}---\n${service(['timeouts: { request: 5 }'])}`);
const UNREADABLE: PolicyRead = { ok: false, reason: 'policy lab.yaml cannot be read: ENOENT' };

describe('the keeper of the policy', () => {
  it('takes what is good, and says when it is another one', () => {
    const keeper = new PolicyKeeper();
    expect(keeper.take(GOOD, 1)).toBe('Loaded');
    expect(keeper.take(GOOD, 2)).toBe('Unchanged');
    expect(keeper.take(BETTER, 3)).toBe('Loaded');
    expect(keeper.view()).toMatchObject({ files: ['lab.yaml'], loadedAtMs: 3, problems: [] });
    expect(keeper.loaded?.files).toEqual(BETTER.ok && BETTER.files);
  });

  it('never gives up a good policy for a bad one, and shows what is wrong until it is mended', () => {
    const keeper = new PolicyKeeper();
    keeper.take(GOOD, 1);
    const { revision } = keeper.view();
    expect(keeper.take(BAD, 2)).toBe('Refused');
    expect(keeper.view()).toMatchObject({
      revision,
      loadedAtMs: 1,
      problems: [{ path: 'spec.timeouts.request', position: { file: 'lab.yaml', line: 13 } }],
    });
    expect(keeper.take(UNREADABLE, 3)).toBe('Refused');
    expect(keeper.view().problems).toEqual([
      { code: 'POLICY_UNREADABLE', path: '', message: 'policy lab.yaml cannot be read: ENOENT' },
    ]);
    expect(keeper.take(GOOD, 4)).toBe('Unchanged');
    expect(keeper.view().problems).toEqual([]);
  });

  it('starts with the last good texts when the files are bad, and says so', () => {
    const keeper = new PolicyKeeper();
    keeper.startWith(BAD, GOOD.ok ? GOOD.files : [], 1);
    expect(keeper.loaded?.policy.services).toHaveLength(1);
    expect(keeper.problems.length).toBeGreaterThan(0);
  });

  it('prefers good files to stored ones', () => {
    const keeper = new PolicyKeeper();
    keeper.startWith(BETTER, GOOD.ok ? GOOD.files : [], 1);
    expect(keeper.loaded?.policy.services[0]?.timeouts.requestMs).toBe(5000);
    expect(keeper.problems).toEqual([]);
  });

  it('has nothing to serve when both are bad, and says why with places', () => {
    for (const stored of [undefined, BAD.ok ? BAD.files : []]) {
      const start = () => new PolicyKeeper().startWith(BAD, stored, 1);
      expect(start).toThrow(expect.objectContaining({ code: 'LOADLINE_POLICY_UNUSABLE' }));
      expect(start).toThrow(/there is no policy to serve:\nlab\.yaml:13:\d+/);
    }
  });
});
