import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/units/index.ts';
import { findEnvoy, startEnvoy } from '../../src/edge/envoy/index.ts';
import { type Backends, startBackends } from '../support/backends.ts';
import { configDump } from '../support/config-dump.ts';
import { variantBootstrap } from '../support/envoy-variants.ts';
import { freePort } from '../support/free-port.ts';
import { InProcessXds } from '../support/in-process-xds.ts';
import { type Load, startLoad } from '../support/load.ts';
import { sleep, until } from '../support/serve.ts';
import { ServedWorld } from '../support/served-world.ts';

/** `npm run test:long` takes three times as long. */
const SECONDS = process.env.LOADLINE_TEST_LONG === '1' ? 60 : 20;
/** Edits come in bursts and with pauses, as people and pipelines make them. */
const LONGEST_PAUSE_MS = 250;
/** In the midst of it the clients lose their connection and come back. */
const CONNECTION_AGE_MS = 4000;

/**
 * The promise of make before break on a real Envoy: while clusters, endpoints and routes change a dozen times a second, no
 * request meets a route to a cluster that is not there (NC), no route (NR), no host (UH) or one that is gone (UF). The same
 * edits over streams by type, which have no order among them, fail dozens of requests.
 */
describe('random edits under load', () => {
  let backends: Backends;
  let xds: InProcessXds;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'loadline-edits-'));
    backends = await startBackends(6);
    xds = await InProcessXds.start({ maxConnectionAgeMs: CONNECTION_AGE_MS });
  });

  afterAll(async () => {
    await xds?.[Symbol.asyncDispose]();
    await backends?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.concurrent.each([
    ['DELTA_GRPC', 500, 1],
    ['GRPC', 250, 2],
  ] as const)('%s: every one of %i requests a second is answered with 200', async (api, perSec, seed) => {
    const random = seededRandom(seed);
    const accessLog = join(folder, api);
    const port = await freePort();
    const world = new ServedWorld(random, { port, accessLog }, backends.ports);
    const story: string[] = [];
    xds.set(api, world.resources());
    const envoy = await startEnvoy({
      binary: await findEnvoy(),
      bootstrap: variantBootstrap({ api, via: 'Aggregated' }, { nodeId: api, group: api, xds: xds.address }),
      concurrency: 1,
    });
    let load: Load;
    try {
      await envoy.ready(20_000);
      load = startLoad([{ port }], { perSec, seconds: SECONDS });
      while (load.sinceStartMs() < SECONDS * 1000) {
        story.push(`${Math.round(load.sinceStartMs())} ms: ${world.edit()}`);
        xds.set(api, world.resources());
        if (random() < 0.7) await sleep(random() * LONGEST_PAUSE_MS);
      }
      await load.done;
      await until('Envoy has the last world', async () => {
        const { clusters, warming } = await configDump(envoy);
        return warming.length === 0 && [...clusters.keys()].sort().join() === world.clusters.join();
      });
    } finally {
      await envoy.stop();
    }
    // Written out when Envoy ends.
    const answers = readFileSync(accessLog, 'utf8').trim().split('\n');
    const told = `${JSON.stringify(load.failures())}\n${story.join('\n')}`;
    expect(countBy(answers, withoutCluster), told).toEqual({ '200 -': SECONDS * perSec });
    expect([load.outcomes.length, load.failures()], told).toEqual([SECONDS * perSec, []]);
    expect(xds.refusals.filter(({ nodeId }) => nodeId === api)).toEqual([]);
    for (const type of ['cds', 'eds', 'rds']) expect(xds.pushesTo(api, type), type).toBeGreaterThan(SECONDS);
  });
});

/** `200 -`, or `503 NC`. */
function withoutCluster(line: string): string {
  return line.split(' ').slice(0, 2).join(' ');
}

function countBy(lines: readonly string[], key: (line: string) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const line of lines) counts[key(line)] = (counts[key(line)] ?? 0) + 1;
  return counts;
}
