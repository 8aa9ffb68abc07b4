import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backends, startBackends } from '../../support/backends.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { Serve, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const SESSIONS = 60;

describe('sessions', () => {
  let backends: Backends;
  let serve: Serve;
  let sidecar: Sidecar;

  const policy = (servers: number): string =>
    poolsPolicy(
      [{ name: 'gpu', ports: backends.ports.slice(0, servers) }],
      '  loadBalancer: { type: Maglev, hash: { header: x-session } }\n',
    );

  beforeAll(async () => {
    backends = await startBackends(5);
    serve = await new Serve(policy(4)).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await backends?.stop();
  });

  /** Which server answers each session. */
  const servers = async (): Promise<readonly string[]> =>
    Promise.all(
      Array.from({ length: SESSIONS }, async (_, i) => {
        const answer = await fetch(`http://127.0.0.1:${sidecar.port}/`, { headers: { 'x-session': `user-${i}` } });
        await answer.arrayBuffer();
        return answer.headers.get('x-backend') as string;
      }),
    );

  it('stay with their endpoint, and are spread over all of them', async () => {
    const first = await servers();
    expect(await servers()).toEqual(first);
    expect(new Set(first).size).toBe(4);
  });

  it('mostly stay when an endpoint joins, and all of them when it was only the load that moved', async () => {
    const before = await servers();
    const weights = async (): Promise<readonly number[]> =>
      ((await sidecar.envoy.clusters()).chat ?? []).map(({ weight }) => weight);
    expect(new Set(await weights()).size).toBe(1);
    serve.write(policy(5));
    await until('Envoy has five', async () => (await weights()).length === 5);
    const after = await servers();
    const stayed = after.filter((server, i) => server === before[i]).length;
    // A fifth of them has to go to the newcomer.
    expect(stayed).toBeGreaterThan(0.6 * SESSIONS);
    expect(new Set(await weights()).size).toBe(1);
  });
});
