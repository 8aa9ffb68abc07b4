import { describe, expect, it } from 'vitest';
import type { EnginePrometheusTarget, PrometheusTarget } from '../../../src/edge/signals/index.ts';
import { groupTargets } from '../../../src/edge/signals/target-groups.ts';

function prometheus(pool: string, url: string, intervalMs: number): PrometheusTarget {
  const source = `prometheus ${url}`;
  return {
    kind: 'Prometheus',
    key: `${pool} ${intervalMs}`,
    source,
    service: 'chat',
    pool,
    url,
    intervalMs,
    joinBy: [],
  };
}

describe('groups of targets', () => {
  it('are what one answer serves, at the smallest interval that any wants', () => {
    const targets = [
      prometheus('a', 'http://p', 5000),
      prometheus('b', 'http://q', 1000),
      prometheus('c', 'http://p', 2000),
    ];
    expect(
      groupTargets(targets).map(({ intervalMs, targets: of }) => [intervalMs, of.map(({ pool }) => pool)]),
    ).toEqual([
      [2000, ['a', 'c']],
      [1000, ['b']],
    ]);
  });

  it('hold the engines and the GPUs of one Prometheus, which are one question', () => {
    const { joinBy: _, ...common } = prometheus('a', 'http://p', 5000);
    const engines: EnginePrometheusTarget = { ...common, key: 'engines', kind: 'EnginePrometheus', endpoints: [] };
    expect(groupTargets([engines, prometheus('b', 'http://p', 1000)])).toMatchObject([
      { intervalMs: 1000, targets: [{ kind: 'EnginePrometheus' }, { kind: 'Prometheus' }] },
    ]);
  });

  it('keep their key while targets come and go, and hold no target twice', () => {
    const [one, other] = [prometheus('a', 'http://p', 5000), prometheus('b', 'http://p', 1000)];
    const keys = [[one], [one, other], [other, other]].map((targets) => groupTargets(targets).map(({ key }) => key));
    expect(new Set(keys.flat()).size).toBe(1);
    expect(groupTargets([other, other])[0]?.targets).toEqual([other]);
  });
});
