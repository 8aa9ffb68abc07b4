import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { formatIssue, loadPolicy, type Policy } from '../../../src/core/policy/index.ts';
import { loaded, root, textOf } from './load.ts';

const LAB = textOf('docs/examples/lab.yaml');
const CHAT = textOf('test/core/policy/good/chat.yaml');

/** Golden files are YAML without anchors, so that a person can compare them with the policy. */
function readable(policy: Policy): string {
  return stringify(policy, { aliasDuplicateObjects: false });
}

describe('the two policies that define the language', () => {
  it('loads lab.yaml without a word, every default filled in', async () => {
    const result = loadPolicy([{ name: 'lab.yaml', text: LAB }]);
    expect(result).toMatchObject({ ok: true, warnings: [] });
    if (result.ok) await expect(readable(result.value)).toMatchFileSnapshot('golden/lab.yaml');
  });

  it('loads chat.yaml and names exactly what is not enforced yet, each where it stands', async () => {
    const result = loadPolicy([{ name: 'chat.yaml', text: CHAT }]);
    if (!result.ok) expect.fail(result.issues.map(formatIssue).join('\n'));
    await expect(readable(result.value)).toMatchFileSnapshot('golden/chat.yaml');
    expect(result.warnings.every(({ code }) => code === 'POLICY_NOT_ENFORCED')).toBe(true);
    expect(result.warnings.map(formatIssue)).toEqual([
      'chat.yaml:45:9: accepted, not enforced yet: spec.pools[0].endpoints.kubernetes',
      'chat.yaml:50:9: accepted, not enforced yet: spec.pools[1].endpoints.dns',
      'chat.yaml:87:3: accepted, not enforced yet: spec.admissionQueue',
    ]);
  });

  it('is what a silent policy means: the tuning of lab.yaml is the tuning of chat.yaml', () => {
    const [lab, chat] = [loaded(LAB), loaded(CHAT)].map((policy) => policy.services[0]);
    for (const part of ['timeouts', 'outlierDetection', 'loadBalancer', 'circuitBreakers'] as const) {
      expect(lab?.[part], part).toEqual(chat?.[part]);
    }
    // chat.yaml is a large service, and its one certain retry is a choice. A small one needs three: with 5 % of a handful
    // of open requests, one retry at a time lets 503s of a broken server through until it is ejected.
    expect(lab?.retry).toEqual({ ...chat!.retry, budget: { percent: 5, minRetryConcurrency: 3 } });
    expect(lab).not.toHaveProperty('healthCheck');
    expect(lab?.rateLimits).toEqual([]);
  });

  it('has the same meaning as the reference texts that lie beside the checkout', ({ skip }) => {
    const reference = new URL('../shared/reference/', root);
    if (!existsSync(reference)) skip('there is no ../shared/reference beside this checkout');
    expect(LAB).toBe(readFileSync(new URL('lab.yaml', reference), 'utf8'));
    expect(loaded(CHAT).revision).toBe(loaded(readFileSync(new URL('chat.yaml', reference), 'utf8')).revision);
  });
});
