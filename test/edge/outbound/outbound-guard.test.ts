import type { LookupAddress } from 'node:dns';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OutboundGuard, parseAllowList, type Resolve } from '../../../src/edge/outbound/index.ts';
import { HttpPageFetcher, type Page } from '../../../src/edge/signals/page-fetcher.ts';
import { MetricsServer, page } from '../signals/metrics-server.ts';

let server: MetricsServer;
const ending: (() => void)[] = [];

beforeEach(async () => {
  server = await MetricsServer.start();
  server.answer = page('up 1\n');
});

afterEach(async () => {
  for (const end of ending.splice(0)) end();
  await server.stop();
});

function allow(...entries: readonly string[]) {
  const list = parseAllowList(entries);
  if (!list.ok) throw new Error(list.issues[0]?.message);
  return list.value;
}

/** A name server that answers each question with the next of these. */
function resolving(...answers: readonly (readonly string[])[]): Resolve & { asked: string[] } {
  const asked: string[] = [];
  const resolve: Resolve = (name, _options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(name);
    const found: LookupAddress[] = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    queueMicrotask(() => callback(null, found));
  };
  return Object.assign(resolve, { asked });
}

function get(guard: OutboundGuard, url: string): Promise<Page> {
  const fetcher = new HttpPageFetcher({ guard });
  ending.push(() => fetcher.close());
  return fetcher.get({ url, accept: 'text/plain' }, new AbortController().signal);
}

async function refusal(result: Promise<Page>): Promise<string> {
  const got = await result;
  return got.ok ? 'answered' : `${got.failure.reason}: ${got.failure.message}`;
}

describe('the guard of what is fetched', () => {
  it('lets loopback and names that stand for it pass', async () => {
    expect(await refusal(get(new OutboundGuard(), server.url))).toBe('answered');
    const resolve = resolving(['127.0.0.1']);
    expect(await refusal(get(new OutboundGuard({ resolve }), `http://engine.example:${server.port}/`))).toBe(
      'answered',
    );
    expect(resolve.asked).toEqual(['engine.example']);
  });

  it('connects to nothing that is link-local, however it is written', async () => {
    const urls = ['http://169.254.169.254/', 'http://2852039166/', 'http://0xa9fea9fe/', 'http://[::ffff:a9fe:a9fe]/'];
    for (const url of urls)
      expect(await refusal(get(new OutboundGuard(), url)), url).toMatch(
        /^Forbidden: .* is never asked: it is link-local/,
      );
    expect(await refusal(get(new OutboundGuard(), 'ftp://127.0.0.1/'))).toMatch(/^Unreachable/);
  });

  it('refuses a name when any of its addresses is forbidden', async () => {
    for (const answer of [['169.254.169.254'], ['127.0.0.1', '169.254.169.254'], ['127.0.0.1', 'fe80::1']]) {
      const guard = new OutboundGuard({ resolve: resolving(answer) });
      const said = await refusal(get(guard, `http://metadata.example:${server.port}/`));
      expect(said).toMatch(/^Forbidden: metadata\.example resolves to \S+, which is never asked/);
    }
    expect(server.connections).toBe(0);
  });

  it('judges the very address that it connects to: a name that changes its answer gains nothing', async () => {
    const resolve = resolving(['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1']);
    const fetcher = new HttpPageFetcher({ guard: new OutboundGuard({ resolve }) });
    ending.push(() => fetcher.close());
    const url = `http://rebinding.example:${server.port}/`;
    const ask = () => fetcher.get({ url, accept: 'text/plain' }, new AbortController().signal);
    expect(await refusal(ask())).toBe('answered');
    // The kept connection is used again, to the address that was judged.
    expect(await refusal(ask())).toBe('answered');
    expect(resolve.asked).toHaveLength(1);
    server.dropConnections();
    await expect.poll(() => refusal(ask())).toMatch(/^Forbidden/);
    expect(server.connections).toBe(1);
  });

  it('follows no redirect, to wherever it leads', async () => {
    server.answer = (_request, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/' });
      response.end();
    };
    expect(await refusal(get(new OutboundGuard(), server.url))).toBe(
      'Status: answered 302 (redirects are not followed)',
    );
    expect(server.requests).toHaveLength(1);
  });

  it('asks only what an allow list names, by address or by name', async () => {
    const at = (name: string) => `http://${name}:${server.port}/`;
    const resolve = resolving(['127.0.0.1']);
    const said = (entries: readonly string[], host: string) =>
      refusal(get(new OutboundGuard({ allow: allow(...entries), resolve }), at(host)));
    expect(await said(['127.0.0.0/8'], '127.0.0.1')).toBe('answered');
    expect(await said(['127.0.0.0/8'], 'engine.example')).toBe('answered');
    expect(await said(['engine.example'], 'engine.example')).toBe('answered');
    expect(await said(['*.example'], 'engine.example')).toBe('answered');
    expect(await said(['10.0.0.0/8'], '127.0.0.1')).toBe('Forbidden: 127.0.0.1 is not in the allow list of the server');
    expect(await said(['*.example'], 'example')).toMatch(
      /^Forbidden: neither example nor 127\.0\.0\.1 is in the allow list/,
    );
    expect(await said(['engine.example'], 'other.example')).toMatch(/^Forbidden/);
    expect(await said(['engine.example'], 'notengine.example')).toMatch(/^Forbidden/);
    expect(await said([], '127.0.0.1')).toMatch(/^Forbidden/);
  });

  it('asks nothing forbidden although the list names it', async () => {
    const guard = new OutboundGuard({
      allow: allow('169.254.0.0/16', 'metadata.example'),
      resolve: resolving(['169.254.169.254']),
    });
    expect(await refusal(get(guard, 'http://169.254.169.254/'))).toMatch(/^Forbidden/);
    expect(await refusal(get(guard, 'http://metadata.example/'))).toMatch(/^Forbidden/);
  });

  it('says when a name has no address', async () => {
    expect(await refusal(get(new OutboundGuard({ resolve: resolving([]) }), 'http://nobody.example/'))).toBe(
      'Unreachable: the name does not resolve',
    );
  });
});

describe('an allow list', () => {
  it.each([
    '10.0.0.256',
    '10.0.0.1/8',
    'http://a',
    'a b',
    '*',
    '*.',
    'A.example',
    'a/8',
    '10.1',
    '',
  ])('refuses %j', (entry) => {
    expect(parseAllowList(['10.0.0.0/8', entry])).toMatchObject({
      ok: false,
      issues: [{ message: expect.stringContaining(`${JSON.stringify(entry)}: expected a host name`) }],
    });
  });
});
