import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PolicyGate } from '../../src/app/policy-gate.ts';
import type { Verdict } from '../../src/core/dry-run/index.ts';
import { loadPolicy, type PolicyFile } from '../../src/core/policy/index.ts';
import type { PolicyRead } from '../../src/edge/store/index.ts';
import { labPolicy } from '../support/lab-policy.ts';

const ACCEPTED: Verdict = { mode: 'Prefer', outcome: 'Accepted', publishable: true, reason: '', checks: [] };
const UNSEEN: Verdict = {
  mode: 'Require',
  outcome: 'NotAsked',
  publishable: false,
  reason: 'none is there',
  checks: [],
};

function read(port: number): PolicyRead {
  return { ok: true, files: [{ name: 'lab.yaml', text: labPolicy([{ port }]) }], hash: String(port) };
}

const load = async (files: readonly PolicyFile[]) => loadPolicy(files);

const ANY = { stable: () => undefined, isGood: () => false, maxShrinkRatio: 0.5 };

describe('the gate before a policy comes into force', () => {
  it('asks about what is new and good, and about nothing else', async () => {
    const asked: string[] = [];
    let inForce: string | undefined;
    const gate = new PolicyGate({
      load,
      inForce: () => inForce,
      ...ANY,
      verdict: async ({ policy }) => {
        asked.push(policy.revision);
        return ACCEPTED;
      },
    });
    expect(await gate.judge(read(1))).toEqual([]);
    inForce = asked[0];
    expect(await gate.judge(read(1))).toEqual([]);
    expect(await gate.judge({ ok: false, reason: 'no such file' })).toEqual([]);
    expect(await gate.judge({ ok: true, files: [{ name: 'a', text: 'kind: Nonsense' }], hash: '' })).toEqual([]);
    expect(asked).toHaveLength(1);
  });

  it('says why what nobody has seen must not come into force, where one must', async () => {
    const gate = new PolicyGate({ load, inForce: () => undefined, ...ANY, verdict: async () => UNSEEN });
    expect(await gate.judge(read(1))).toMatchObject([
      { code: 'POLICY_NOT_VALIDATED', message: expect.stringContaining('none is there') },
    ]);
  });

  it('lets the newest win: an older one is not heard of again, and none after the end', async () => {
    const answers: ((verdict: Verdict) => void)[] = [];
    const gate = new PolicyGate({
      load,
      inForce: () => undefined,
      ...ANY,
      verdict: () => new Promise((resolve) => answers.push(resolve)),
    });
    const [older, newer] = [gate.judge(read(1)), gate.judge(read(2))];
    while (answers.length < 2) await turn();
    answers[1]?.(ACCEPTED);
    answers[0]?.(UNSEEN);
    expect([await older, await newer]).toEqual([undefined, []]);
    const last = gate.judge(read(3));
    while (answers.length < 3) await turn();
    gate.stop();
    answers[2]?.(ACCEPTED);
    expect(await last).toBeUndefined();
  });

  it('holds back what takes too much away of what stands, until it is forced', async () => {
    const stable = loadPolicy([{ name: 'lab.yaml', text: labPolicy([1, 2, 3, 4].map((port) => ({ port }))) }]);
    if (!stable.ok) expect.fail('the policy is bad');
    let undone = '';
    const gate = new PolicyGate({
      load,
      inForce: () => stable.value.revision,
      stable: () => stable.value,
      isGood: (revision) => revision === undone,
      maxShrinkRatio: 0.5,
      verdict: async () => ACCEPTED,
    });
    const of = (ports: readonly number[]): PolicyRead => {
      return { ok: true, files: [{ name: 'lab.yaml', text: labPolicy(ports.map((port) => ({ port }))) }], hash: '' };
    };
    expect(await gate.judge(of([1, 2]))).toEqual([]);
    expect(await gate.judge(of([1, 2, 5, 6]))).toEqual([]);
    expect(await gate.judge(of([1]))).toMatchObject([
      { code: 'POLICY_SHRINKS', message: expect.stringContaining('3 of 4 endpoints and 0 of 1 clusters') },
    ]);
    expect(await gate.judge(of([5, 6, 7, 8]))).toMatchObject([{ code: 'POLICY_SHRINKS' }]);
    const forced = await load([{ name: 'lab.yaml', text: labPolicy([{ port: 1 }]) }]);
    if (!forced.ok) expect.fail('the policy is bad');
    const forget = gate.force(forced.value.revision);
    expect(await gate.judge(of([1]))).toEqual([]);
    // The write that was forced did not come about: whoever comes with the same later must say it himself.
    gate.force(forced.value.revision)();
    expect(await gate.judge(of([1]))).toEqual([]);
    forget();
    expect(await gate.judge(of([1]))).toHaveLength(1);
    expect(await gate.judge(of([2]))).toHaveLength(1);
    // Who undoes a change need not force it.
    const before = await load([{ name: 'lab.yaml', text: labPolicy([{ port: 2 }]) }]);
    undone = before.ok ? before.value.revision : '';
    expect(await gate.judge(of([2]))).toEqual([]);
  });
});
