import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../../src/lab/modelserver/index.ts';
import { capacityOf, classLoad, failuresOf, SLOTS, SMALL_SERVER } from '../../support/class-load.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, sleep, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const SECONDS = 20;
const KEY = 'loadline.degrade.chat.P1';
/** All requests of the class that were answered, and those of them that another pool answered. */
const ROUTES = { all: 'chat.P1', moved: 'chat.P1.degraded' } as const;

const CLASSES = `apiVersion: loadline.dev/v1alpha1
kind: TrafficClasses
metadata: { name: standard }
spec: { header: x-loadline-class, classes: [{ name: P0, shed: Never }, { name: P1 }] }
---
`;
const SERVICE = `  circuitBreakers: { maxConnections: 4000, maxPendingRequests: 4000, maxRequests: 4000 }
  split: { tiers: [[gpu], [standby]] }
  overload: { enterAt: 1.0, leaveAt: 0.8, actions: [{ degrade: { class: P1, toPool: standby, upTo: 90% } }] }
`;

if (!LONG) process.stdout.write('skipped: that the ladder moves a class to another pool is for LOADLINE_TEST_LONG=1\n');

describe.runIf(LONG)('a class that the overload ladder moves to another pool', () => {
  let servers: ModelServers;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    servers = await startModelServers({ count: 3, firstPort: 0, profiles: [SMALL_SERVER] });
    const [gpu, ...standby] = servers.servers.map(({ port }) => port) as [number, ...number[]];
    const lines = `      maxRunningRequests: ${SLOTS}\n`;
    const policy = poolsPolicy(
      [
        { name: 'gpu', ports: [gpu], lines },
        { name: 'standby', ports: standby, lines },
      ],
      SERVICE,
      '  trafficClasses: { use: standard, allow: [P0, P1], default: P1 }\n',
    );
    serve = await new Serve(CLASSES + policy).start();
    sidecar = await startSidecar(serve.xds, 'a');
    await until('the listener is there', async () => {
      const answer = await fetch(`http://127.0.0.1:${sidecar.port}/health`).catch(() => undefined);
      await answer?.arrayBuffer();
      return answer?.status === 200;
    });
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await servers?.stop();
  });

  const stat = async (name: string): Promise<number> => {
    const stats = await sidecar.envoy.stats(`^${name.replaceAll('.', '\\.')}$`);
    return stats[name] ?? 0;
  };
  const completed = (route: string): Promise<number> => stat(`vhost.chat.route.${route}.upstream_rq_completed`);
  const percent = async (): Promise<number> => Number((await sidecar.envoy.runtime())[KEY] ?? 0);

  it('is answered there as far as the others are full, all of it and without a failure; then it comes back', async () => {
    const before = await completed(ROUTES.all);
    const served = servedBy(servers.snapshot().slice(1));
    const { done, outcomes } = classLoad(sidecar.port, { P0: 0.3 * capacityOf(1), P1: 1.7 * capacityOf(1) }, SECONDS);
    await until('a part is moved', async () => (await percent()) > 0, 1000 * SECONDS);
    await sleep(2000);
    const { services } = (await (await serve.get('/api/state')).json()) as {
      services: readonly { overload: { degrades: unknown } }[];
    };
    const ratio = await serve.metric('loadline_degraded_ratio', { service: 'chat', class: 'P1', pool: 'standby' });
    await done;
    const moved = await completed(ROUTES.moved);
    const counted = await stat('cluster.chat/standby.upstream_rq_completed');
    process.stdout.write(`${moved} of ${moved + (await completed(ROUTES.all))} requests went to the standby\n`);
    expect(services[0]?.overload.degrades).toEqual([{ class: 'P1', pool: 'standby', percent: expect.any(Number) }]);
    expect(ratio).toBeGreaterThan(0);
    expect([...outcomes.values()].flatMap(failuresOf)).toEqual([]);
    // Those of P0 stay, and so does a part of P1.
    expect(moved).toBeGreaterThan(5);
    expect(counted).toBe(moved);
    expect(await completed('chat.P0')).toBe(outcomes.get('P0')?.length);
    expect((await completed(ROUTES.all)) - before).toBe((outcomes.get('P1')?.length ?? 0) - moved);
    expect(servedBy(servers.snapshot().slice(1)) - served).toBe(moved);
    await until('all of it is back', async () => (await percent()) === 0, 25_000);
  }, 180_000);

  it('lapses when the controller is gone', async () => {
    const { done } = classLoad(sidecar.port, { P1: 2 * capacityOf(1) }, 25);
    await until('a part is moved', async () => (await percent()) > 0, 20_000);
    await serve.end('SIGKILL');
    expect(await percent()).toBeGreaterThan(0);
    await until('it has lapsed', async () => (await percent()) === 0, 20_000);
    await serve.start();
    await done;
  }, 120_000);
});

function servedBy(servers: ReturnType<ModelServers['snapshot']>): number {
  return servers.reduce((sum, { finished }) => sum + finished, 0);
}
