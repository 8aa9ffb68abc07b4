import { once } from 'node:events';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backends, startBackends } from '../../support/backends.ts';
import { envoyOf, INSTALL_TIMEOUT_MS, RELEASES } from '../../support/envoy-releases.ts';
import { Serve, until } from '../../support/serve.ts';
import { servicesPolicy } from '../../support/services-policy.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const KIB = 1024;
/** At 30 % the share of so many strays by 3.2 points (one sigma). */
const REQUESTS = 200;
const POINTS = 14;

/** What each service matches, in an order that is not that of the routes. */
const MATCHES = {
  ui: '{ pathPrefix: / }',
  llama: '{ pathPrefix: /v1/, models: [llama-70b, llama-8b] }',
  mistral: '{ pathPrefix: /v1/, models: [mistral] }',
  canary: '{ pathPrefix: /v1/, headers: [{ name: x-canary, exact: "yes" }] }',
  rerank: '{ path: /v1/rerank }',
  copied: '{ pathPrefix: /copied }',
  shadow: '{ pathPrefix: /only-copies }',
} as const;

/** `percent`: how many of the requests of `copied` go to `shadow` too. */
function policy(ports: readonly number[], percent: number): string {
  const services = Object.entries(MATCHES).map(([name, match], index) => ({
    name,
    lines: `  match: ${match}\n${name === 'copied' ? `  mirror: { toService: shadow, percent: ${percent}% }\n` : ''}`,
    pools: [{ name: 'gpu', port: ports[index] as number }],
  }));
  return servicesPolicy(services);
}

describe.each(LONG ? RELEASES : ['1.40.0'])('routes on Envoy %s', (release) => {
  let backends: Backends;
  let serve: Serve | undefined;
  let sidecar: Sidecar | undefined;

  beforeAll(async () => {
    const found = await envoyOf(release);
    backends = await startBackends(Object.keys(MATCHES).length);
    serve = await new Serve(policy(backends.ports, 30)).start();
    if ('binary' in found) sidecar = await startSidecar(serve.xds, 'a', found.binary);
  }, INSTALL_TIMEOUT_MS);

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await backends?.stop();
  });

  /** Status, and whose server answered or else the code in the answer. */
  const ask = async (path: string, body: string | undefined, headers: Record<string, string> = {}): Promise<string> => {
    const method = body === undefined ? 'GET' : 'POST';
    const type = { 'content-type': 'application/json' };
    const init = { method, headers: { ...type, ...headers }, ...(body === undefined ? {} : { body }) };
    const answer = await fetch(`http://127.0.0.1:${sidecar?.port}${path}`, init);
    const text = await answer.text();
    const server = Object.keys(MATCHES)[backends.ports.indexOf(Number(answer.headers.get('x-backend')))];
    const code = /"code":"(\w+)"/.exec(text)?.[1];
    return `${answer.status} ${server ?? code ?? text}`;
  };
  const model = (name: string, promptBytes = 10): string =>
    JSON.stringify({ messages: [{ role: 'user', content: 'x'.repeat(promptBytes) }], model: name });

  it('go by the model in the body, wherever in it it stands', async ({ skip }) => {
    if (sidecar === undefined) skip(`no Envoy ${release}`);
    expect(await ask('/v1/chat/completions', model('llama-70b'))).toBe('200 llama');
    expect(await ask('/v1/chat/completions', model('llama-8b'))).toBe('200 llama');
    expect(await ask('/v1/completions', model('mistral', 50 * KIB))).toBe('200 mistral');
    for (const type of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])
      expect(await ask('/v1/completions', model('mistral'), { 'content-type': type }), type).toBe('200 mistral');
    const stats = await sidecar?.envoy.stats('^cluster\\.\\w+\\.upstream_rq_total$|^json_to_metadata');
    expect(stats).toMatchObject({
      'cluster.llama.upstream_rq_total': 2,
      'cluster.mistral.upstream_rq_total': 3,
      'json_to_metadata.rq.success': 5,
    });
  });

  it('answer 404 to a model that is not there, and to what names none, and give it to nobody else', async ({
    skip,
  }) => {
    if (sidecar === undefined) skip(`no Envoy ${release}`);
    const odd = ['{}', '[1]', '{"model":7}', '{"x":{"model":"mistral"}}', '{"model":"mistral"', ''];
    for (const body of [model('gpt'), ...odd])
      expect(await ask('/v1/completions', body), body).toBe('404 model_not_found');
    expect(await ask('/v1/models', undefined)).toBe('404 model_not_found');
    for (const type of ['text/plain', 'application/jsonl', 'text/application/json'])
      expect(await ask('/v1/completions', model('mistral'), { 'content-type': type }), type).toBe(
        '404 model_not_found',
      );
  });

  it('go by a header or a whole path before that, and need no body for it', async ({ skip }) => {
    if (sidecar === undefined) skip(`no Envoy ${release}`);
    const read = async (): Promise<number | undefined> =>
      (await sidecar?.envoy.stats('^json_to_metadata\\.rq\\.success$'))?.['json_to_metadata.rq.success'];
    const before = await read();
    expect(await ask('/v1/completions', model('mistral'), { 'x-canary': 'yes' })).toBe('200 canary');
    expect(await ask('/v1/models', undefined, { 'x-canary': 'yes' })).toBe('200 canary');
    expect(await ask('/v1/completions', model('mistral'), { 'x-canary': 'no' })).toBe('200 mistral');
    expect(await ask('/v1/rerank?top=3', model('mistral'))).toBe('200 rerank');
    expect(await ask('/v1/rerank/', model('mistral'))).toBe('200 mistral');
    expect(await read()).toBe((before ?? 0) + 2);
  });

  it('know a path however it is spelled, but for a slash that is escaped', async ({ skip }) => {
    const { port } = sidecar ?? skip(`no Envoy ${release}`);
    // As written: fetch() would make them one before it sends them.
    const serverOf = async (path: string): Promise<string | undefined> => {
      const request = http.request({ host: '127.0.0.1', port, path });
      request.end();
      const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
      answer.resume();
      return Object.keys(MATCHES)[backends.ports.indexOf(Number(answer.headers['x-backend']))];
    };
    const same = ['/v1/rerank', '/v1/%72erank', '//v1/rerank', '/v1//rerank', '/v1/./rerank', '/a/../v1/rerank?top=3'];
    for (const path of same) expect(await serverOf(path), path).toBe('rerank');
    expect(await serverOf('/v1%2Frerank')).toBe('ui');
  });

  it('copy a share of the requests, and another one by a runtime value alone', async ({ skip }) => {
    const { envoy } = sidecar ?? skip(`no Envoy ${release}`);
    const copies = async (): Promise<number> =>
      (await envoy.stats('^cluster\\.shadow\\.upstream_rq_total$'))['cluster.shadow.upstream_rq_total'] ?? 0;
    const send = async (): Promise<number> => {
      const before = await copies();
      for (let sent = 0; sent < REQUESTS; sent += 20) {
        const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/copied/x', '{}')));
        expect(new Set(answers)).toEqual(new Set(['200 copied']));
      }
      return (100 * ((await copies()) - before)) / REQUESTS;
    };
    const few = await send();
    expect(few).toBeGreaterThan(30 - POINTS);
    expect(few).toBeLessThan(30 + POINTS);
    const structure = 'config_reload$|cluster_modified|listener_modified';
    const before = await envoy.stats(structure);
    serve?.write(policy(backends.ports, 80));
    await until('Envoy has the new share', async () => (await envoy.runtime())['loadline.mirror.copied'] === '80');
    const many = await send();
    expect(many).toBeGreaterThan(80 - POINTS);
    expect(many).toBeLessThan(80 + POINTS);
    expect(await envoy.stats(structure)).toEqual(before);
    // One number is drawn for a request: those with the lowest are shed, and are those that would have been copied.
    await fetch(`http://${envoy.admin}/runtime_modify?loadline.shed.copied=80`, { method: 'POST' });
    const copied = await copies();
    const answers = new Set<string>();
    for (let sent = 0; sent < 100; sent += 1) answers.add(await ask('/copied/x', '{}'));
    await fetch(`http://${envoy.admin}/runtime_modify?loadline.shed.copied=`, { method: 'POST' });
    expect([...answers].sort()).toEqual(['200 copied', '503 load_shed']);
    expect(await copies()).toBe(copied);
  });

  it('refuse a body that is longer than is waited for, and bound none elsewhere', async ({ skip }) => {
    if (sidecar === undefined) skip(`no Envoy ${release}`);
    const most = release.startsWith('1.36') ? 64 : 8 * KIB;
    expect(await ask('/v1/completions', model('mistral', (most - 1) * KIB))).toBe('200 mistral');
    expect(await ask('/v1/completions', model('mistral', (most + 1) * KIB))).toBe('413 Payload Too Large');
    expect(await ask('/files', model('mistral', 9 * KIB * KIB))).toBe('200 ui');
  });

  it('survive JSON that is nested without end', async ({ skip }) => {
    if (sidecar === undefined) skip(`no Envoy ${release}`);
    for (const levels of [1000, 10_000, 200_000, 1_000_000]) {
      for (const [open, close] of [
        ['[', ']'],
        ['{"":', '}'],
      ] as const) {
        const body = `{"model":"mistral","x":${open.repeat(levels)}1${close.repeat(levels)}}`;
        const answer = await ask('/v1/completions', body);
        expect(answer, `${levels} ${open}`).toMatch(/^200 mistral|^404 model_not_found|^413/);
      }
    }
    expect(await ask('/v1/completions', model('mistral'))).toBe('200 mistral');
    expect(await serve?.metric('loadline_xds_nacks_total')).toBe(0);
  });
});
