import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectPolicies,
  connectRollouts,
  type PoliciesClient,
  type RolloutClient,
} from '../../src/edge/admin/index.ts';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { configDump } from '../support/config-dump.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { type Load, startLoad } from '../support/load.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const SIDECARS = 10;
const PER_SEC = LONG ? 500 : 200;
/** Of the store; `npm run test:long` takes the hundred that are promised. */
const REVISIONS = LONG ? 100 : 5;
const ROLLBACKS = LONG ? 12 : 3;
const PROMISED_MS = 10_000;

describe('a store of policies, and ten Envoys under load', () => {
  let models: ModelServers;
  let serve: Serve;
  let sidecars: Sidecar[];
  let policies: PoliciesClient;
  let rollouts: RolloutClient;
  let load: Load;
  /** What each revision of the store says, in milliseconds. */
  const connectMs = new Map<number, number>();

  const text = (ms: number, group = ''): string =>
    labPolicy(models.servers, { service: `  timeouts: { connect: ${ms}ms }\n`, group });
  const apply = async (ms: number, group = ''): Promise<number> => {
    const written = await policies.apply([{ name: 'lab.yaml', text: text(ms, group) }], { reason: `${ms}` });
    if (!written.ok) expect.fail(written.message);
    return written.value.revision;
  };
  const all = async (ms: number): Promise<boolean> => {
    const seen = await Promise.all(sidecars.map(connectTimeoutMs));
    return seen.every((one) => one === ms);
  };

  beforeAll(async () => {
    models = await startModelServers({ count: 4, firstPort: 0 });
    serve = await new Serve(undefined).start();
    policies = connectPolicies(serve.admin);
    rollouts = connectRollouts(serve.admin);
    connectMs.set(await apply(1000), 1000);
    sidecars = await Promise.all(Array.from({ length: SIDECARS }, (_, at) => startSidecar(serve.xds, `sidecar-${at}`)));
    load = startLoad(sidecars, { perSec: PER_SEC, seconds: 900, outputTokens: 2 });
    await until('all have the first', () => all(1000));
  }, 120_000);

  afterAll(async () => {
    load?.stop();
    policies?.close();
    rollouts?.close();
    await Promise.all((sidecars ?? []).map(({ envoy }) => envoy.stop()));
    await serve?.dispose();
    await models?.stop();
  });

  it(`goes back to any of ${REVISIONS} revisions within ten seconds, on all of them`, async () => {
    for (let at = 1; at < REVISIONS; at += 1) {
      const ms = 1000 + at;
      connectMs.set(await apply(ms), ms);
      // Each of them was in force: that is what can be gone back to.
      await until(
        `revision with ${ms} ms is in force`,
        async () => (await connectTimeoutMs(sidecars[0] as Sidecar)) === ms,
        30_000,
      );
    }
    // From here on every change is tried on a canary for an hour, but not an undo.
    await apply(5000, '  rollout: { canary: 10%, hold: 1h }\n');
    await until('it is tried', async () => (await rollouts.get()).running !== null, 30_000);
    await rollouts.act('Promote', 'the strategy itself');
    await until('all have it', () => all(5000));
    const revisions = [...connectMs.keys()];
    const times: number[] = [];
    for (let turn = 0; turn < ROLLBACKS; turn += 1) {
      // The oldest first, then spread over all of them.
      const to = revisions[Math.floor((turn * revisions.length) / ROLLBACKS)] as number;
      const began = performance.now();
      const written = await policies.rollback(undefined, to, { reason: 'it was better then' });
      if (!written.ok) expect.fail(written.message);
      await until(`all have revision ${to}`, () => all(connectMs.get(to) as number), PROMISED_MS);
      times.push(performance.now() - began);
    }
    console.log(`rollbacks on ${SIDECARS} Envoys took ${times.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s`);
    expect(load.failures()).toEqual([]);
  }, 600_000);

  it('brings the store back when a canary refuses what was applied', async () => {
    const taken = Number(new URL(`http://${serve.http}`).port);
    const before = await policies.list();
    const ms = 7000;
    const broken = text(ms, '  rollout: { canary: 10%, hold: 3s }\n').replace(
      'port: 15001 }',
      `port: 15001 }\n    - { name: more, address: 127.0.0.1, port: ${taken} }`,
    );
    // The strategy that stands was rolled back with everything else; the one of the change counts then.
    const written = await policies.apply([{ name: 'lab.yaml', text: broken }], { reason: 'another port' });
    expect(written.ok).toBe(true);
    await until('it was taken back', async () => (await rollouts.get()).last?.outcome === 'Returned', 30_000);
    await until('the store says what is in force', async () => {
      const history = await policies.history({ limit: 1 });
      return history.ok && history.value.versions[0]?.author === 'loadline';
    });
    const after = await policies.list();
    if (!before.ok || !after.ok) expect.fail('the policies cannot be listed');
    expect(after.value.documents.map((one) => one.text)).toEqual(before.value.documents.map((one) => one.text));
    await sleep(2000);
    expect(load.failures()).toEqual([]);
  }, 90_000);
});

/** Of the cluster `chat`. */
async function connectTimeoutMs({ envoy }: Sidecar): Promise<number> {
  const { clusters } = await configDump(envoy);
  return Math.round(Number.parseFloat(String(clusters.get('chat')?.connect_timeout)) * 1000);
}
