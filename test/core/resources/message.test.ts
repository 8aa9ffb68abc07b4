import { describe, expect, it } from 'vitest';
import { messageToJson } from '../../../src/base/codec/index.ts';
import { makeResource } from '../../../src/core/resources/message.ts';

describe('a resource for an older Envoy', () => {
  const json = {
    name: 'c',
    circuit_breakers: { thresholds: [{ retry_budget: { budget_percent: { value: 5 }, budget_interval: '1s' } }] },
  };
  const budget = (release: string) => {
    const { typeUrl, bytes } = makeResource({ type: 'cluster', name: 'c', json, release });
    return JSON.stringify(messageToJson(typeUrl, bytes));
  };

  it('goes without the fields that came later: it would ignore them and say nothing', () => {
    expect(budget('1.39')).toContain('budget_interval');
    expect(budget('1.38')).not.toContain('budget_interval');
    expect(budget('1.38')).toContain('budget_percent');
  });
});
