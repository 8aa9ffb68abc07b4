import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backends, startBackends } from '../../support/backends.ts';
import { envoyOf, INSTALL_TIMEOUT_MS, RELEASES } from '../../support/envoy-releases.ts';
import { Serve, sleep, until } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const SECONDS = LONG ? 20 : 5;
/** On a machine that others use too the law sees servers slow down, and its shares move while they are counted; and clients fall behind, so that they ask unevenly. */
const [WEIGHTS, TOLERANCE, LEAST_HOME] = LONG ? ['Active', 0.05, 0.88] : ['Disabled', 0.06, 0.85];
/** Requests a second from the sidecars in the zones a and b. */
const EVEN = [40, 40] as const;
const LOPSIDED = [90, 30] as const;

if (!LONG)
  process.stdout.write(
    'same-zone: one release, 5 s, even shares; all of them, 20 s, the law with LOADLINE_TEST_LONG=1\n',
  );

/**
 * docs/design/zones.md on real Envoys: two servers and a sidecar in each of two zones. Who asks for `even` is spread as the servers
 * are, who asks for `lopsided` is not. That one picks by round robin, so that the share of each server is no matter of chance.
 */
describe.each(LONG ? RELEASES : ['1.40.0'])('requests that prefer their zone, Envoy %s', (release) => {
  let backends: readonly [Backends, Backends];
  let serve: Serve;
  let sidecars: readonly Sidecar[] = [];
  let missing: string | undefined;

  beforeAll(async () => {
    const found = await envoyOf(release);
    if ('missing' in found) {
      missing = found.missing;
      return;
    }
    backends = [await startBackends(2), await startBackends(2)];
    serve = await new Serve(policy(backends)).start();
    sidecars = [
      await startSidecar(serve.xds, 'a', found.binary, undefined, 'a'),
      await startSidecar(serve.xds, 'b', found.binary, undefined, 'b'),
    ];
  }, INSTALL_TIMEOUT_MS);

  afterAll(async () => {
    for (const { envoy } of sidecars) await envoy.stop();
    await serve?.dispose();
    for (const one of backends ?? []) await one.stop().catch(() => {});
  });

  /** Requests so far, by sidecar, of each server in the order of the zones. */
  const totals = async (service: string): Promise<readonly (readonly number[])[]> => {
    const ports = backends.flatMap((one) => one.ports);
    return Promise.all(
      sidecars.map(async ({ envoy }) => {
        const hosts = (await envoy.clusters())[service] ?? [];
        return ports.map((port) => hosts.find(({ address }) => address.endsWith(`:${port}`))?.rqTotal ?? 0);
      }),
    );
  };

  it('stay there as far as there is room, and every server has the share that the law gives it', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    const load = Promise.all(
      sidecars.flatMap(({ port }, i) => [
        ask(port, '/even', EVEN[i] as number, SECONDS + 5),
        ask(port, '/lopsided', LOPSIDED[i] as number, SECONDS + 5),
      ]),
    );
    await sleep(4000);
    const before = { even: await totals('even'), lopsided: await totals('lopsided') };
    await sleep(SECONDS * 1000);
    const after = { even: await totals('even'), lopsided: await totals('lopsided') };
    const { services } = await serve.state();
    const local = (service: string, kind: string) => serve.metric('loadline_zone_local_ratio', { service, kind });
    const told = { planned: await local('even', 'planned'), measured: await local('lopsided', 'measured') };
    const failures = (await load).flat().filter((status) => status !== 200);
    expect(failures).toEqual([]);
    for (const name of ['even', 'lopsided'] as const) {
      const rows = after[name].map((one, i) => one.map((total, k) => total - (before[name][i]?.[k] ?? 0)));
      const all = sum(rows.flat());
      const home = rows.map((one, zone) => sum(one.slice(2 * zone, 2 * zone + 2)) / sum(one));
      const shares = [0, 1, 2, 3].map((k) => sum(rows.map((one) => one[k] as number)) / all);
      const wanted = services.find((one) => one.name === name)?.pools[0]?.endpoints.map(({ share }) => share) ?? [];
      const words = `${name}: home ${percents(home)}, servers ${percents(shares)}, the law's ${percents(wanted)}`;
      process.stdout.write(`Envoy ${release}, ${words}\n`);
      expect(wanted).toHaveLength(4);
      expect(Math.abs(sum(shares.slice(0, 2)) - sum(wanted.slice(0, 2))), words).toBeLessThanOrEqual(TOLERANCE);
      if (name === 'even') expect(Math.min(...home), words).toBeGreaterThanOrEqual(LEAST_HOME);
      else {
        for (const [k, share] of shares.entries())
          expect(Math.abs(share - (wanted[k] as number)), words).toBeLessThanOrEqual(TOLERANCE);
        // Of 75 % of all requests half fit into half of the servers.
        expect(Math.abs((home[0] as number) - 2 / 3), words).toBeLessThanOrEqual(2 * TOLERANCE);
        expect(home[1], words).toBeGreaterThanOrEqual(LEAST_HOME);
      }
    }
    expect(told.planned).toBeGreaterThanOrEqual(LEAST_HOME);
    // Of all requests 50 % in zone a and 25 % in zone b; it remembers that in the first second nobody was known, and all stayed.
    expect(told.measured).toBeGreaterThan(0.65);
    expect(told.measured).toBeLessThan(0.9);
  }, 40_000);

  it('go to the other zone when the own one dies, with nobody there to say so', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    await serve.end('SIGKILL');
    await backends[0].stop();
    const [first] = sidecars as readonly [Sidecar];
    await until(
      'nothing goes to the dead',
      async () => (await ask(first.port, '/even', 20, 0.5)).every(isWell),
      10_000,
    );
    expect((await ask(first.port, '/even', 50, 1)).filter((status) => !isWell(status))).toEqual([]);
  }, 30_000);
});

/** Requests at a steady rate; gives the statuses. */
async function ask(port: number, path: string, perSec: number, seconds: number): Promise<readonly number[]> {
  const answers: Promise<number>[] = [];
  const start = performance.now();
  for (let sent = 0; sent < perSec * seconds; sent += 1) {
    const waitMs = start + (1000 * sent) / perSec - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    answers.push(
      fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: '{}' }).then(async (answer) => {
        await answer.arrayBuffer();
        return answer.status;
      }),
    );
  }
  return Promise.all(answers);
}

function policy(backends: readonly Backends[]): string {
  const servers = backends.flatMap(({ ports }, i) =>
    ports.map((port) => `          - { address: 127.0.0.1, port: ${port}, zone: ${i === 0 ? 'a' : 'b'} }\n`),
  );
  const service = (name: string): string => `---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: ${name} }
spec:
  hostnames: ["*"]
  match: { pathPrefix: /${name} }
  loadBalancer: { type: ${name === 'even' ? 'LeastRequest' : 'RoundRobin'}, trafficDistribution: PreferSameZone, weights: ${WEIGHTS} }
  pools:
    - name: gpu
      endpoints:
        static:
${servers.join('')}`;
  return `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: lab }
spec:
  listeners: [{ name: models, address: 127.0.0.1, port: 15001 }]
  modelServices: [even, lopsided]
${service('even')}${service('lopsided')}`;
}

function isWell(status: number): boolean {
  return status === 200;
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}

function percents(values: readonly number[]): string {
  return values.map((value) => `${(100 * value).toFixed(1)} %`).join(' ');
}
