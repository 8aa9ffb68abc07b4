import { describe, expect, it } from 'vitest';
import { Fleet } from '../control/fleet.ts';
import { group, loaded } from '../policy/load.ts';
import { ask } from './two-pools.ts';

/** Two pools of two servers behind a fixed split. */
function aSplitFleet(weights: string, revisions: readonly [string, string] = ['a', 'a']): Fleet {
  const pool = (name: string, net: number, revision: string): string => `    - name: ${name}
      modelRevision: ${revision}
      maxRunningRequests: 16
      endpoints: { static: [{ address: 10.0.${net}.1, port: 8000 }, { address: 10.0.${net}.2, port: 8000 }] }
`;
  const policy = loaded(`${group('[chat]')}---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
  split: { mode: Fixed, weights: { ${weights} } }
  pools:
${pool('core', 0, revisions[0])}${pool('spare', 1, revisions[1])}`);
  const fleet = new Fleet(policy, [30, 30, 30, 30]);
  fleet.run(30);
  return fleet;
}

describe('what takes out all of a pool of a fixed split is refused', () => {
  it('where the others have a weight of 0: they are in no cluster, and everything would be answered with 503', () => {
    const fleet = aSplitFleet('core: 1, spare: 0');
    expect(ask(fleet, { kind: 'Drain', pool: 'core' }).ok).toBe(false);
    expect(ask(fleet, { kind: 'Failover', from: 'core', to: 'spare' }).ok).toBe(false);
  });

  it('where the others serve another model: nobody steps in, and its share would be answered with 503', () => {
    expect(ask(aSplitFleet('core: 9, spare: 1', ['a', 'b']), { kind: 'Drain', pool: 'spare' }).ok).toBe(false);
  });
});
