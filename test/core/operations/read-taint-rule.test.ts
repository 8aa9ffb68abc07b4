import { describe, expect, it } from 'vitest';
import { readTaintRule } from '../../../src/core/operations/read-taint-rule.ts';

const rule = (key: string, leftMs: number, value?: string) => ({
  kind: 'Rule',
  rule: { key, ...(value === undefined ? {} : { value }), leftMs, source: '--taint' },
});

describe('a taint of an operator', () => {
  it.each([
    ['ToBeDeleted', rule('ToBeDeleted', 120_000)],
    ['example.com/goes-away', rule('example.com/goes-away', 120_000)],
    ['example.com/goes-away:5m', rule('example.com/goes-away', 300_000)],
    ['example.com/goes-away=now:0s', rule('example.com/goes-away', 0, 'now')],
    ['a=b', rule('a', 120_000, 'b')],
    ['a:24h', rule('a', 86_400_000)],
    ['karpenter.sh/disrupted:off', { kind: 'Off', key: 'karpenter.sh/disrupted' }],
  ])('%s', (text, value) => {
    expect(readTaintRule(text)).toEqual({ ok: true, value, warnings: [] });
  });

  it.each([
    ['', /^expected the key of a taint/],
    ['-a', /^expected the key/],
    ['Example.com/a', /^expected the key/],
    ['example.com/', /^expected the key/],
    ['a/b/c', /^expected the key/],
    [`${'x'.repeat(254)}/a`, /^expected the key/],
    ['x'.repeat(64), /^expected the key/],
    ['a=', /^'' is no value/],
    ['a=b c', /^'b c' is no value/],
    ['a:soon', /^expected after the colon/],
    ['a:25h', /^expected after the colon/],
    ['a:NoSchedule', /^expected after the colon/],
    ['a:', /^expected after the colon/],
    ['a=b:off', /^off is for a key/],
  ])('%j is refused', (text, words) => {
    expect(readTaintRule(text)).toMatchObject({ ok: false, issues: [{ message: expect.stringMatching(words) }] });
  });
});
