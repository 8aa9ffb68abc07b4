import { describe, expect, it } from 'vitest';
import { PolicyLoads } from '../../src/app/policy-loads.ts';
import { labPolicy } from '../support/lab-policy.ts';

const lab = (port: number, firstLine = 1) => [{ name: 'lab.yaml', text: labPolicy([{ port }]), firstLine }];

describe('policies that were loaded', () => {
  it('are the same value for the same texts, however they are asked for', async () => {
    const loads = new PolicyLoads();
    const first = await loads.loadInTurns(lab(1));
    expect(loads.load(lab(1))).toBe(first);
    expect(await loads.loadInTurns([...lab(1)])).toBe(first);
  });

  it('are others at another place, because positions are part of them', () => {
    const loads = new PolicyLoads();
    expect(loads.load(lab(1, 7))).not.toEqual(loads.load(lab(1)));
  });

  it('are forgotten when newer ones come', () => {
    const loads = new PolicyLoads();
    const first = loads.load(lab(1));
    for (const port of [2, 3, 4, 5]) loads.load(lab(port));
    expect(loads.load(lab(1))).not.toBe(first);
  });

  it('and refused are tried again when they come again; why it was is told without', async () => {
    const loads = new PolicyLoads();
    const good = loads.load(lab(1));
    const bad = await loads.loadInTurns(lab(0));
    expect(bad.ok).toBe(false);
    expect(loads.load(lab(0))).toBe(bad);
    const again = await loads.loadInTurns(lab(0));
    expect(again).not.toBe(bad);
    expect(again).toEqual(bad);
    // What is refused takes the place of nothing that is good.
    for (const port of [-1, -2, -3, -4, -5]) loads.load(lab(port));
    expect(loads.load(lab(1))).toBe(good);
  });
});
