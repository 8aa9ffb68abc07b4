import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiClient } from '../../../src/edge/kubernetes/api-client.ts';
import { FakeKubernetes, status } from '../../support/kubernetes/fake-api.ts';
import { Pki } from '../../support/pki.ts';

const PATH = '/api/v1/nodes?fieldSelector=metadata.name%3Dgpu-7';
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function fake(): Promise<FakeKubernetes> {
  const one = await FakeKubernetes.start();
  ends.push(() => one.stop());
  return one;
}

const open = (client: ApiClient) => client.open(PATH, new AbortController().signal);

describe('a client of the Kubernetes API', () => {
  it('is told what it asks for, with its token', async () => {
    const answer = await open((await fake()).client());
    if (!answer.ok) throw new Error(answer.words);
    let text = '';
    for await (const piece of answer.body) text += piece;
    expect(JSON.parse(text)).toMatchObject({ kind: 'NodeList', items: [{ metadata: { name: 'gpu-7' } }] });
  });

  it('passes on what is refused, in one line and without secrets', async () => {
    const api = await fake();
    const client = api.client();
    const said: (readonly [number, string, string])[] = [
      [403, 'nodes is forbidden: User "x"\ncannot list', 'answers 403: nodes is forbidden: User "x" cannot list'],
      [500, 'authorization: Bearer abcdefgh', 'answers 500: authorization: Bearer [redacted]'],
      [404, 'x'.repeat(9000), `answers 404: ${'x'.repeat(300)}`],
    ];
    for (const [code, message, words] of said) {
      api.fail = () => (response) => status(response, code, message);
      expect(await open(client)).toEqual({ ok: false, status: code, words });
    }
    api.fail = () => (response) => response.writeHead(503).end('<html>no upstream</html>');
    expect(await open(client)).toEqual({ ok: false, status: 503, words: 'answers 503' });
  });

  it('follows nobody elsewhere: its token stays with the API', async () => {
    const [api, other] = [await fake(), await fake()];
    api.fail = () => (response) => response.writeHead(302, { location: `${other.url}${PATH}` }).end();
    expect(await open(api.client())).toEqual({ ok: false, status: 302, words: 'answers 302' });
    expect(other.asked).toEqual([]);
  });

  it('gives its token to no server that its authority does not vouch for', async () => {
    const api = await fake();
    const stranger = await Pki.create();
    ends.push(() => stranger.dispose());
    let tokens = 0;
    const token = async (): Promise<string> => {
      tokens += 1;
      return 'a-secret';
    };
    const client = new ApiClient({ url: api.url, token, ca: async () => stranger.authority.cert });
    const answer = await open(client);
    expect(answer).toMatchObject({ ok: false, words: expect.stringMatching(/certificate/) });
    expect(JSON.stringify(answer)).not.toContain('a-secret');
    expect(api.asked).toEqual([]);
    expect(tokens).toBe(1);
  });

  it('says what is missing: a token, an authority, a server', async () => {
    const api = await fake();
    const missing = async (): Promise<string> => {
      throw new Error('the token file /t cannot be read (ENOENT)');
    };
    const words = 'the token file /t cannot be read (ENOENT)';
    expect(await open(new ApiClient({ url: api.url, token: missing }))).toEqual({ ok: false, words });
    await api.stop();
    expect(await open(api.client())).toMatchObject({ ok: false, words: expect.stringContaining('ECONNREFUSED') });
  });

  it('speaks to a proxy on this machine without a token', async () => {
    const server = createServer((request, response) => response.end(request.headers.authorization ?? 'none'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => server.close(resolve)));
    const answer = await open(new ApiClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
    if (!answer.ok) throw new Error(answer.words);
    for await (const piece of answer.body) expect(piece).toBe('none');
  });
});
