import { describe, expect, it } from 'vitest';
import { TAINT_RULES, withOwnRules } from '../../../src/core/operations/taint-rules.ts';
import { departureBy, type Taint, taintsOf } from '../../../src/core/operations/taints.ts';

const SEEN = Date.parse('2026-01-02T03:04:05Z');
const MINUTE = 60_000;
const at = (ms: number): string => new Date(ms).toISOString();
const inSec = (ms: number): string => String(ms / 1000);
const leftMs = (taint: Taint, rules = TAINT_RULES): number | undefined => {
  const departure = departureBy(taint, rules, SEEN);
  return departure === undefined ? undefined : departure.atMs - SEEN;
};

describe('a taint that is first seen now', () => {
  const autoscaler = 'ToBeDeletedByClusterAutoscaler';
  const spot = 'aws-node-termination-handler/spot-itn';
  it.each<[string, Taint, number | undefined]>([
    ['EC2 Spot', { key: spot, value: 'spot-itn-0a1b' }, 2 * MINUTE],
    ['EC2 Spot, with the time when it was set', { key: spot, timeAdded: at(SEEN - 5000) }, 2 * MINUTE - 5000],
    ['EC2 Spot, with a time that is none', { key: spot, timeAdded: 'today' }, 2 * MINUTE],
    ['EC2 maintenance', { key: 'aws-node-termination-handler/scheduled-maintenance' }, 2 * MINUTE],
    ['a group that shrinks', { key: 'aws-node-termination-handler/asg-lifecycle-termination' }, 2 * MINUTE],
    ['a rebalance recommendation', { key: 'aws-node-termination-handler/rebalance-recommendation' }, undefined],
    ['Karpenter', { key: 'karpenter.sh/disrupted' }, 2 * MINUTE],
    ['Karpenter of old', { key: 'karpenter.sh/disruption', value: 'disrupting' }, 2 * MINUTE],
    ['Karpenter of old, another value', { key: 'karpenter.sh/disruption', value: 'candidate' }, undefined],
    ['Karpenter, a new node', { key: 'karpenter.sh/unregistered' }, undefined],
    ['the autoscaler', { key: autoscaler, value: inSec(SEEN) }, 10 * MINUTE],
    ['the autoscaler, a minute ago', { key: autoscaler, value: inSec(SEEN - MINUTE) }, 9 * MINUTE],
    ['the autoscaler, yesterday', { key: autoscaler, value: inSec(SEEN - 1440 * MINUTE) }, 0],
    ['the autoscaler, by a clock that goes before', { key: autoscaler, value: inSec(SEEN + MINUTE) }, 10 * MINUTE],
    ['the autoscaler, with a value that is no time', { key: autoscaler, value: 'soon' }, 10 * MINUTE],
    ['what the autoscaler thinks of', { key: 'DeletionCandidateOfClusterAutoscaler', value: inSec(SEEN) }, undefined],
    ['Google Cloud', { key: 'cloud.google.com/impending-node-termination' }, 30_000],
    ['every Spot node of GKE', { key: 'cloud.google.com/gke-spot', value: 'true' }, undefined],
    ['AKS', { key: 'remediator.kubernetes.azure.com/unschedulable' }, 30_000],
    ['every Spot node of AKS', { key: 'kubernetes.azure.com/scalesetpriority', value: 'spot' }, undefined],
    ['a node that is shut down', { key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown' }, 0],
    ['a cordon', { key: 'node.kubernetes.io/unschedulable' }, undefined],
    ['an unwell node', { key: 'node.kubernetes.io/not-ready', timeAdded: at(SEEN) }, undefined],
    ['nobody knows whose', { key: 'constructor' }, undefined],
  ])('%s', (_name, taint, expected) => {
    expect(leftMs(taint)).toBe(expected);
  });

  it('is the same until it is set anew with another time', () => {
    const identity = (taint: Taint, seenAtMs = SEEN) => departureBy(taint, TAINT_RULES, seenAtMs)?.identity;
    expect(identity({ key: spot, value: 'a' })).toBe(identity({ key: spot, value: 'b' }, SEEN + MINUTE));
    expect(identity({ key: autoscaler, value: inSec(SEEN) })).not.toBe(
      identity({ key: autoscaler, value: inSec(SEEN + 1000) }),
    );
  });

  it('has the end that an operator says, which come before all others of its key', () => {
    const rule = { source: '--taint', leftMs: 5 * MINUTE };
    const rules = withOwnRules(
      [
        { ...rule, key: 'example.com/gone', value: 'yes' },
        { ...rule, key: 'karpenter.sh/disruption', value: 'mine' },
      ],
      [spot],
    );
    expect(leftMs({ key: 'example.com/gone', value: 'yes' }, rules)).toBe(5 * MINUTE);
    expect(leftMs({ key: 'example.com/gone' }, rules)).toBeUndefined();
    expect(leftMs({ key: 'karpenter.sh/disruption', value: 'disrupting' }, rules)).toBeUndefined();
    expect(leftMs({ key: spot }, rules)).toBeUndefined();
    expect(leftMs({ key: 'karpenter.sh/disrupted' }, rules)).toBe(2 * MINUTE);
  });
});

describe('the taints of a node', () => {
  it.each<[string, unknown, readonly Taint[]]>([
    ['without a spec', {}, []],
    ['without taints', { spec: {} }, []],
    [
      'with odd ones',
      { spec: { taints: [null, 'x', { key: 3 }, { key: 'a', value: '', timeAdded: 4 }] } },
      [{ key: 'a' }],
    ],
    [
      'with all of it',
      { spec: { taints: [{ key: 'a', value: 'v', effect: 'NoExecute', timeAdded: at(SEEN) }] } },
      [{ key: 'a', value: 'v', timeAdded: at(SEEN) }],
    ],
    ['that is none', undefined, []],
  ])('%s', (_name, node, taints) => {
    expect(taintsOf(node)).toEqual(taints);
  });
});

describe('the table of taints', () => {
  it('has each once, with who sets it and a time that a server takes', () => {
    expect(new Set(TAINT_RULES.map(({ key }) => key)).size).toBe(TAINT_RULES.length);
    for (const { key, leftMs: left, source } of TAINT_RULES) {
      expect(left, key).toBeLessThanOrEqual(24 * 60 * MINUTE);
      expect(source.length, key).toBeGreaterThan(10);
    }
  });
});
