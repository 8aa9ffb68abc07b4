import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Compiler, INITIAL_STATE, tick } from '../../../src/core/control/index.ts';
import { TYPE_SHORT } from '../../../src/core/resources/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { loaded } from '../policy/load.ts';

const POLICIES = [
  'test/core/policy/good/chat.yaml',
  'docs/examples/lab.yaml',
  'docs/examples/rate-limits.yaml',
  'docs/examples/many-models.yaml',
];
const RELEASES = ['1.36', '1.37', '1.38', '1.39', '1.40'];

/** A line for each resource: policy, release band of the Envoy, type, name, hash of the bytes. */
function bytes(): string {
  const lines = POLICIES.flatMap((file) => {
    const policy = loaded(readFileSync(file, 'utf8'));
    const input = {
      nowMs: 1_800_000_000_000,
      policy,
      endpointSets: staticEndpointSets(policy),
      samples: [],
      reports: [],
      presence: [],
    };
    const { plan } = tick(INITIAL_STATE, input);
    return policy.groups.flatMap(({ name: group }) =>
      RELEASES.flatMap((release) => {
        const snapshot = new Compiler().snapshot(plan, { group, release, listenerOverrides: {} });
        const resources = [...(snapshot?.types.values() ?? [])].flatMap((view) => [...view.values()]);
        return resources.map(({ typeUrl, name, version }) =>
          [file, release, TYPE_SHORT[typeUrl] ?? typeUrl, name, version].join(' '),
        );
      }),
    );
  });
  return `${lines.join('\n')}\n`;
}

describe('the bytes of a release', () => {
  /**
   * A difference is no mistake: it says that Envoys get other bytes by an upgrade, which is then tried on canaries first. Who
   * wanted it accepts it (`npx vitest run -u` with this file) and says so in the changelog.
   */
  it('are those of the last one, or the change was wanted', async () => {
    const now = bytes();
    expect(now.split('\n').length).toBeGreaterThan(50);
    await expect(now).toMatchFileSnapshot('../../golden/bytes.txt');
  });
});
