import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AssignmentEncoder } from '../../../src/base/codec/index.ts';
import type { TierFailover } from '../../../src/core/control/index.ts';
import {
  compileAssignments,
  compileRuntime,
  compileStructure,
  type Resource,
} from '../../../src/core/resources/index.ts';
import { type EnvoyProcess, findEnvoy, startEnvoy } from '../../../src/edge/envoy/index.ts';
import { aGroup, anEndpoint, aPlan, aPolicy, aService } from '../../core/resources/build-policy.ts';
import { type Backends, startBackends } from '../../support/backends.ts';
import { FileFeed } from '../../support/file-fed-envoy.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/serve.ts';

const TIERS = ['core', 'spare', 'last'] as const;
const LONG = process.env.LOADLINE_TEST_LONG === '1';
const PERCENTS = LONG ? [0, 10, 40, 49, 50, 85, 99, 100] : [40, 85];
const REQUESTS = LONG ? 2000 : 400;
const AT_ONCE = 20;
/** Four standard deviations of a share of so many requests. */
const TOLERANCE = (4 * Math.sqrt(0.25 / REQUESTS) + 0.005) * 100;

if (!LONG) process.stdout.write('tier-shares: 2 of 8 shares; all of them with LOADLINE_TEST_LONG=1\n');

describe('a part of the requests for the next tier, by EDS alone', () => {
  let backends: readonly Backends[];
  let envoy: EnvoyProcess;
  let feed: FileFeed;
  let port: number;

  beforeAll(async () => {
    backends = [await startBackends(3), await startBackends(2), await startBackends(1)];
    port = await freePort();
    feed = new FileFeed();
    feed.write([...structure(), ...assignments()]);
    envoy = await startEnvoy({ binary: await findEnvoy(), bootstrap: feed.bootstrap(), concurrency: 1 });
    await envoy.ready(20_000);
  });

  afterAll(async () => {
    await envoy?.stop();
    feed?.remove();
    for (const one of backends ?? []) await one.stop();
  });

  const split = { kind: 'Tiers', tiers: TIERS.map((pool) => [pool]), failover: { returnAfterMs: 60_000 } } as const;
  const services = [aService('chat', { hostnames: ['*'], split })];
  const world = () => {
    const group = aGroup(services, {
      listeners: [{ name: 'models', address: '127.0.0.1', port, origin: { file: 'policy.yaml', line: 1, column: 1 } }],
    });
    return { group, policy: aPolicy(services, group) };
  };
  const structure = (): readonly Resource[] => {
    const { group, policy } = world();
    return [
      ...compileStructure(policy, group, { release: '1.36', listenerOverrides: {}, sidecars: 1 }),
      ...compileRuntime(policy, group),
    ];
  };
  const assignments = (chat?: TierFailover): readonly Resource[] => {
    const { group, policy } = world();
    const endpoints = backends.flatMap(({ ports }, tier) =>
      ports.map((one) => ({ ...anEndpoint('chat', one), pool: TIERS[tier] as string })),
    );
    const weights = Object.fromEntries(endpoints.map(({ id }, i) => [id, 100 * (i + 1)]));
    const plan = { ...aPlan(policy, { chat: endpoints }, weights, ['a']), ...(chat && { failovers: { chat } }) };
    return compileAssignments(plan, group, new AssignmentEncoder());
  };
  const totals = async (): Promise<readonly number[]> => {
    const hosts = (await envoy.clusters()).chat ?? [];
    return TIERS.map((_, tier) =>
      hosts.filter(({ priority }) => priority === tier).reduce((sum, { rqTotal }) => sum + rqTotal, 0),
    );
  };
  const updates = async (): Promise<number> =>
    (await envoy.stats('^cluster\\.chat\\.update_success$'))['cluster.chat.update_success'] ?? 0;

  it.each(PERCENTS)('%i of a hundred', async (percent) => {
    const seen = await updates();
    feed.write(assignments(percent === 0 ? undefined : { from: 0, to: 1, percent }));
    await until('the assignment is there', async () => (await updates()) > seen, 5000);
    const before = await totals();
    const statuses: number[] = [];
    for (let sent = 0; sent < REQUESTS; sent += AT_ONCE)
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          const answer = await fetch(`http://127.0.0.1:${port}/v1/completions`, { method: 'POST', body: '{}' });
          await answer.arrayBuffer();
          statuses.push(answer.status);
        }),
      );
    const given = (await totals()).map((total, tier) => ((total - (before[tier] as number)) / REQUESTS) * 100);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(given[2]).toBe(0);
    expect(Math.abs((given[1] as number) - percent), `${given}`).toBeLessThanOrEqual(
      percent === 0 || percent === 100 ? 0 : TOLERANCE,
    );
  });
});
