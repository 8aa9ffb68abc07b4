import type { ChangeKind } from '../policy/index.ts';
import { bounded } from './bounded.ts';
import type { PushCost, PushEffect, SnapshotChange } from './report.ts';

type Cost = { readonly effect: PushEffect; readonly cost: string; readonly source: string };

const MEASURED = 'facts/envoy-live.md';
const DRAINED = 'its connections are drained, and streams that are longer than the drain time are cut';

/** What sidecars lose by each kind of push, as measured on real Envoys (1.36 and 1.40). */
const COSTS: Readonly<Record<string, Readonly<Record<ChangeKind, Cost>>>> = {
  lds: {
    Added: { effect: 'None', cost: 'a port opens; other listeners are left alone', source: `${MEASURED} 7` },
    Changed: { effect: 'Disruptive', cost: DRAINED, source: `${MEASURED} 7` },
    Removed: { effect: 'Disruptive', cost: `its port closes: ${DRAINED}`, source: `${MEASURED} 7` },
  },
  cds: {
    Added: {
      effect: 'None',
      cost: 'it takes requests once its endpoints are there; routes to it wait for that',
      source: `${MEASURED} 6`,
    },
    Changed: {
      effect: 'Disruptive',
      cost: 'it is built anew: its connection pools, ejections and health are lost; open streams go on',
      source: `${MEASURED} 6`,
    },
    Removed: {
      effect: 'Disruptive',
      cost: 'it goes when no route leads to it any more; clients that still call it get 404',
      source: 'docs/design/xds.md',
    },
  },
  ecds: same(
    'Noticeable',
    'new requests see it at once and streams go on; the token buckets of this filter start full again',
    `${MEASURED} 3, 7`,
  ),
  rds: same(
    'None',
    'new requests follow it at once, streams keep the route that they began with; no token bucket lives in it',
    `${MEASURED} 3, 7`,
  ),
  eds: same(
    'None',
    'nothing is rebuilt and no stream is cut; new requests follow it at once, those on endpoints that leave are finished',
    `${MEASURED} 1, 5`,
  ),
  rtds: same('None', 'nothing is rebuilt; the new numbers count at once', `${MEASURED} 4`),
  sds: same('None', 'new connections use it; those that stand go on', 'docs/design/xds.md'),
};

const EFFECTS: readonly PushEffect[] = ['Disruptive', 'Noticeable', 'None'];
const MAX_NAMES = 20;

/** One entry for each type and kind of change; the dearest first. */
export function pushCosts(changes: readonly SnapshotChange[]): readonly PushCost[] {
  const found = new Map<string, { type: string; change: ChangeKind; names: Set<string>; nodeCount: number }>();
  for (const { receivers, resources } of changes) {
    const nodeCount = receivers.reduce((sum, receiver) => sum + receiver.nodeCount, 0);
    const counted = new Set<string>();
    for (const { type, change, name } of resources.items) {
      const key = `${type} ${change}`;
      const push = found.get(key) ?? { type, change, names: new Set(), nodeCount: 0 };
      push.names.add(name);
      if (!counted.has(key)) push.nodeCount += nodeCount;
      counted.add(key);
      found.set(key, push);
    }
  }
  return [...found.values()]
    .map(({ type, change, names, nodeCount }) => ({
      type,
      change,
      ...costOf(type, change),
      resources: bounded([...names], MAX_NAMES),
      nodeCount,
    }))
    .sort((a, b) => EFFECTS.indexOf(a.effect) - EFFECTS.indexOf(b.effect));
}

function costOf(type: string, change: ChangeKind): Cost {
  return COSTS[type]?.[change] ?? { effect: 'Noticeable', cost: 'what it costs is not known', source: '' };
}

function same(effect: PushEffect, cost: string, source: string): Readonly<Record<ChangeKind, Cost>> {
  return { Added: { effect, cost, source }, Changed: { effect, cost, source }, Removed: { effect, cost, source } };
}
