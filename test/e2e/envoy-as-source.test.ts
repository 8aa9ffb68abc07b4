import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest';
import { type ModelServers, startModelServers } from '../../src/lab/modelserver/index.ts';
import { envoyOf, type Found, INSTALL_TIMEOUT_MS } from '../support/envoy-releases.ts';
import { freePort } from '../support/free-port.ts';
import { labPolicy } from '../support/lab-policy.ts';
import { Serve, until } from '../support/serve.ts';
import { type Sidecar, startSidecar } from '../support/sidecar.ts';

/** The release whose load reports leave out open streams, and the newest. */
const RELEASES = ['1.36.4', '1.40.0'] as const;
/** One release in the run of every day; what they report was found the same. */
const LONG = process.env.LOADLINE_TEST_LONG === '1';
if (!LONG)
  process.stdout.write('skipped: ORCA on Envoy 1.36.4, beside 1.40.0: set LOADLINE_TEST_LONG=1 (npm run test:long)\n');
const ORCA_RELEASES = LONG ? RELEASES : [RELEASES[1]];

const found = new Map<string, Found>();

beforeAll(async () => {
  for (const release of RELEASES) found.set(release, await envoyOf(release));
}, INSTALL_TIMEOUT_MS);

function binaryOf(release: string, { skip }: TestContext): string {
  const one = found.get(release);
  return one !== undefined && 'binary' in one ? one.binary : skip(`no Envoy ${release}`);
}

/** Without a page of the engine: what is known comes from Envoy. */
function policyOf(models: ModelServers, signals: string, group = ''): string {
  const servers = models.servers.map(({ port }) => ({ port }));
  return labPolicy(servers, { group }).replace('engine: { path: /metrics, interval: 1s }', signals);
}

/** Resolves when the response's headers are there; the body is read to its end. */
function ask(port: number, body: object): { sent: ClientRequest; answered: Promise<IncomingMessage> } {
  let sent: ClientRequest | undefined;
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sent = request({ host: '127.0.0.1', port, path: '/v1/completions', method: 'POST', agent: false }, (response) => {
      response.on('error', () => {});
      response.resume();
      resolve(response);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify({ prompt: 'hello', ...body }));
  });
  return { sent: sent as ClientRequest, answered };
}

describe('what answers say of the load (ORCA)', () => {
  let models: ModelServers;
  let serve: Serve;
  let sidecar: Sidecar | undefined;

  beforeEach(async () => {
    // Few slots, so that requests wait; a KV cache that four of them half fill.
    models = await startModelServers({ count: 2, firstPort: 0, profiles: [{ slots: 4, kvTokens: 1200, stepMs: 10 }] });
    serve = await new Serve(policyOf(models, 'orca: {}')).start();
  });

  afterEach(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await models?.stop();
  });

  it.for(ORCA_RELEASES)('comes with the load reports of %s, and stays with it', async (release, context) => {
    sidecar = await startSidecar(serve.xds, release, binaryOf(release, context));
    const { port } = sidecar;
    await until(
      'it serves',
      async () => (await ask(port, { max_tokens: 1 }).answered.catch(() => undefined)) !== undefined,
    );
    const responses: IncomingMessage[] = [];
    let going = true;
    // 24 clients that ask again and again: four run on each server, eight wait.
    const clients = Array.from({ length: 24 }, async () => {
      while (going) responses.push(await ask(port, { max_tokens: 100 }).answered);
    });
    const told = async (): Promise<readonly Told[]> => {
      type View = { readonly services: readonly { readonly endpoints: readonly { readonly belief: Told }[] }[] };
      const view = (await (await serve.get('/api/explain?service=chat')).json()) as View;
      return view.services[0]!.endpoints.map(({ belief }) => belief);
    };
    try {
      await until('both have told', async () => (await told()).every(({ waiting }) => waiting !== null));
      await until('one is believed to have a queue', async () =>
        (await told()).some(({ waiting }) => (waiting ?? 0) > 1.5),
      );
      for (const [i, { waiting, kvUsageRatio }] of (await told()).entries()) {
        expect(waiting, `queue of ${i}`).toBeLessThan(20);
        // 4 requests of at most 120 tokens in 1200.
        expect(kvUsageRatio).toBeGreaterThan(0.02);
        expect(kvUsageRatio).toBeLessThanOrEqual(0.5);
      }
      await until('a standing queue has taught the batch limit', async () =>
        (await told()).some(({ slots }) => slots < 10),
      );
      process.stdout.write(
        `Envoy ${release}: ${(await told()).map(({ waiting, slots }) => `queue ${waiting?.toFixed(1)}, slots ${slots.toFixed(1)}`).join('; ')}; the servers have 4\n`,
      );
    } finally {
      going = false;
      await Promise.all(clients);
    }
    expect(responses.length).toBeGreaterThan(16);
    for (const { statusCode, headers } of responses) {
      expect(statusCode).toBe(200);
      expect(headers).not.toHaveProperty('endpoint-load-metrics');
    }
    // Nobody asks any more: what was said is no longer about now.
    await until('it is forgotten', async () => (await told()).every(({ waiting }) => waiting === null), 12_000);
  });
});

type Told = { readonly waiting: number | null; readonly kvUsageRatio: number | null; readonly slots: number };

describe('long streams on an Envoy 1.36', () => {
  let models: ModelServers;
  let serve: Serve;
  let sidecar: Sidecar | undefined;
  const open: ClientRequest[] = [];

  beforeAll(async () => {
    models = await startModelServers({ count: 2, firstPort: 0 });
    serve = await new Serve(policyOf(models, '{}').replace('signals:\n    {}', 'signals: {}')).start();
  });

  afterAll(async () => {
    for (const one of open) one.destroy();
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await models?.stop();
  });

  const believed = async (): Promise<readonly (number | null)[]> =>
    (await serve.state()).services[0]!.pools[0]!.endpoints.map(({ inFlight }) => inFlight);
  /** In the order of the state, which sorts by address: ports are what was free. */
  const real = (): readonly number[] =>
    models.servers
      .map(({ port }, i) => ({ id: `127.0.0.1:${port}`, ...models.snapshot()[i]! }))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ running, waiting }) => running + waiting);

  it('are counted as they are where its admin interface may be asked, and guessed where not', async (context) => {
    sidecar = await startSidecar(serve.xds, 'old', binaryOf('1.36.4', context), `127.0.0.1:${await freePort()}`);
    const { port } = sidecar;
    // Envoy leaves the first interval of a cluster out.
    await until('it reports', async () => (await serve.metric('loadline_load_reports_total')) >= 3);
    for (let i = 0; i < 12; i += 1) {
      const { sent, answered } = ask(port, { max_tokens: 5000, stream: true });
      sent.on('error', () => {});
      open.push(sent);
      await answered;
    }
    await until('all are seen when they start', async () => (await believed()).join() === real().join());
    // Half of them end, and nothing new starts: the reports are silent about these servers from now on.
    for (const one of open.splice(0, 6)) one.destroy();
    await until('the servers have noticed', () => real().reduce((sum, count) => sum + count) === 6);
    const reports = await serve.metric('loadline_load_reports_total');
    await until('four more reports', async () => (await serve.metric('loadline_load_reports_total')) >= reports + 4);
    const guessed = await believed();
    expect(guessed.reduce((sum: number, count) => sum + (count ?? 0), 0)).toBe(12);

    serve.write(policyOf(models, '{}', '  envoyAdmin: {}\n').replace('signals:\n    {}', 'signals: {}'));
    await until('belief is what the servers see', async () => (await believed()).join() === real().join(), 8000);
    process.stdout.write(
      `Envoy 1.36.4: load reports alone ${guessed.join('+')}, with /clusters ${(await believed()).join('+')}, servers ${real().join('+')}\n`,
    );
    for (const one of open.splice(0)) one.destroy();
    await until('the servers are idle', () => real().join() === '0,0');
    await until('and believed to be', async () => (await believed()).join() === '0,0', 5000);
    expect(await serve.metric('loadline_envoy_admin_asks_total', { outcome: 'answered' })).toBeGreaterThanOrEqual(2);
    expect(await serve.metric('loadline_envoy_admin_asks_total', { outcome: 'failed' })).toBe(0);
  });

  it('an admin interface that cannot be read is told once, with what to do', async (context) => {
    const other = await startSidecar(serve.xds, 'closed', binaryOf('1.36.4', context));
    const failed = (): Promise<number> => serve.metric('loadline_envoy_admin_asks_total', { outcome: 'failed' });
    await until('it was tried', async () => (await failed()) >= 2, 20_000);
    const told = serve.log.split('\n').filter((line) => line.includes('envoy admin not readable'));
    expect(told).toHaveLength(1);
    expect(JSON.parse(told[0] as string)).toMatchObject({
      node: 'closed',
      reason: expect.stringContaining('names a port'),
      hint: expect.stringContaining('envoyAdmin'),
    });
    await other.envoy.stop();
  });
});
