import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { startLoad } from '../support/load.ts';
import { loadline } from '../support/loadline.ts';
import { Serve, sleep, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

/** A recorded life of the real server: a server that slows, a policy that changes, a restart. The replay must agree. */
describe('a recording of the server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-recording-'));
  const file = join(folder, 'day.jsonl');
  let models: ModelServers;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    models = await startModelServers({ count: 3, firstPort: 0 });
    serve = await new Serve(labPolicy(models.servers), ['--record', file]).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await models?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('replays to the same weights, before and after a restart', async () => {
    const load = startLoad([sidecar], { perSec: 30, seconds: 14 });
    await sleep(3000);
    // So slow that even one Envoy with much in flight, which levels small differences by itself, is helped.
    await models.fault(1, { speed: 0.15 });
    await sleep(4000);
    const { revision } = await serve.state();
    serve.write(labPolicy(models.servers.map(({ port }, i) => ({ port, capacity: i === 0 ? 2 : 1 }))));
    await until('the new policy is in force', async () => (await serve.state()).revision !== revision);
    await load.done;
    expect(await serve.end('SIGTERM')).toBe(0);
    const first = await loadline('replay', file, '--output', 'json');
    expect(first, first.stdout + first.stderr).toMatchObject({ code: 0, stderr: '' });
    const report = JSON.parse(first.stdout) as Report;
    expect(report).toMatchObject({ lostTicks: 0, notes: [], services: [{ service: 'chat', ticksThatDiffer: 0 }] });
    expect(report.ticks).toBeGreaterThan(10);
    expect(report.services[0]?.pushesRecorded).toBeGreaterThan(1);
    expect(readFileSync(file, 'utf8')).toContain('"runningRequests"');

    await serve.start();
    await until('it has ticked', async () => (await serve.state()).tick > report.ticks + 2);
    expect(await serve.end('SIGTERM')).toBe(0);
    expect((await loadline('replay', `${file}.1`)).code).toBe(0);
    const second = await loadline('replay', file);
    expect(second, second.stdout + second.stderr).toMatchObject({ code: 0 });
    expect(readFileSync(file, 'utf8')).toContain('"kind":"State"');
    const without = await loadline('replay', file, '--policy', serve.policies);
    expect(without.stdout).toContain('chat: the replay comes to the recorded weights in every tick');
  });
});

type Report = {
  readonly ticks: number;
  readonly services: readonly { readonly pushesRecorded: number }[];
};
