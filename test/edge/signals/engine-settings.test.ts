import { beforeEach, describe, expect, it } from 'vitest';
import type { EngineTarget } from '../../../src/edge/signals/index.ts';
import type { Page, PageFetcher } from '../../../src/edge/signals/page-fetcher.ts';
import type { Collected } from '../../../src/edge/signals/signal-source.ts';
import { EngineSource } from '../../../src/edge/signals/sources/engine-source.ts';
import { fixture } from './fixture.ts';

const never = new AbortController().signal;

/** A llama-server whose pages a test sets; without one it does not answer. */
class FakeServer implements PageFetcher {
  readonly asked: string[] = [];
  metrics: string | undefined = fixture('llama-cpp.metrics');
  props: string | undefined = fixture('llama-cpp-props.json');

  async get({ url }: { readonly url: string }): Promise<Page> {
    this.asked.push(url);
    const settings = new URL(url).pathname.endsWith('/props');
    const body = settings ? this.props : this.metrics;
    if (body === undefined) return { ok: false, failure: { reason: 'Status', message: 'answered 404' } };
    const contentType = settings ? 'application/json' : 'text/plain';
    return { ok: true, body: Buffer.from(body), contentType, tookMs: 10 };
  }

  /** Since the last question. */
  askedForProps(): number {
    return this.asked.splice(0).filter((url) => url.includes('props')).length;
  }
}

function sourceOf(fetcher: PageFetcher, path = '/metrics'): EngineSource {
  const url = `http://10.0.0.1:8080${path}`;
  const target: EngineTarget = {
    key: 'k',
    service: 'chat',
    pool: 'gpu',
    intervalMs: 1000,
    kind: 'Engine',
    source: `engine ${url}`,
    url,
    subject: { address: '10.0.0.1', port: 8080 },
  };
  return new EngineSource(target, fetcher);
}

function slotsOf({ samples }: Collected): number | undefined {
  return samples.find(({ metric }) => metric === 'maxRunningRequests')?.value;
}

describe('what an engine states on a page of its own', () => {
  let server: FakeServer;
  let source: EngineSource;
  beforeEach(() => {
    server = new FakeServer();
    source = sourceOf(server);
  });

  it('goes with each metrics page, dated as it is, and is read once a minute', async () => {
    const first = await source.collect(0, never);
    const limit = first.samples.find(({ metric }) => metric === 'maxRunningRequests');
    expect(limit).toMatchObject({ value: 4, sampledAtMs: 10, subject: { address: '10.0.0.1', port: 8080 } });
    expect(first).not.toHaveProperty('note');
    expect(server.asked).toEqual(['http://10.0.0.1:8080/metrics', 'http://10.0.0.1:8080/props']);
    expect(server.askedForProps()).toBe(1);
    server.props = '{"total_slots":8}';
    for (let second = 1; second < 60; second++) expect(slotsOf(await source.collect(second * 1000, never))).toBe(4);
    expect(server.askedForProps()).toBe(0);
    expect(slotsOf(await source.collect(60_000, never))).toBe(8);
  });

  it('is read again after the engine failed: it may be another process', async () => {
    await source.collect(0, never);
    server.metrics = undefined;
    expect(slotsOf(await source.collect(1000, never))).toBeUndefined();
    server.metrics = fixture('llama-cpp.metrics');
    server.props = '{"total_slots":8}';
    expect(slotsOf(await source.collect(2000, never))).toBe(8);
  });

  it('that cannot be read costs nothing else, and is said', async () => {
    server.props = undefined;
    const collected = await source.collect(0, never);
    expect(slotsOf(collected)).toBeUndefined();
    expect(collected).toMatchObject({ note: '/props cannot be read: answered 404' });
    expect(collected).not.toHaveProperty('failure');
    expect(collected.samples.map(({ metric }) => metric)).toContain('runningRequests');
    server.askedForProps();
    await source.collect(1000, never);
    expect(server.askedForProps()).toBe(0);
    for (const nonsense of ['', '[]', '<html>', '3']) {
      server.props = nonsense;
      const again = await sourceOf(server).collect(0, never);
      expect(again, nonsense).toMatchObject({ note: '/props cannot be read: answered no JSON object' });
      expect(again, nonsense).not.toHaveProperty('failure');
    }
  });

  it('holds when a later reading fails, and is refused when it is no limit', async () => {
    await source.collect(0, never);
    server.props = undefined;
    expect(slotsOf(await source.collect(60_000, never))).toBe(4);
    server.props = '{"total_slots":0}';
    const zero = await sourceOf(server).collect(0, never);
    expect(slotsOf(zero)).toBeUndefined();
    expect(zero.refusals).toEqual([{ name: 'total_slots', words: 'is 0, outside 1..1000000' }]);
    server.props = '{"slots":3,"total_slots":"4"}';
    expect(slotsOf(await sourceOf(server).collect(0, never))).toBeUndefined();
  });

  it('stands beside the metrics page: below the same prefix, for the same model', async () => {
    await sourceOf(server, '/llm/metrics?model=small').collect(0, never);
    expect(server.asked.at(-1)).toBe('http://10.0.0.1:8080/llm/props?model=small');
    server.asked.length = 0;
    await sourceOf(server, '/scrape').collect(0, never);
    expect(server.asked).toEqual(['http://10.0.0.1:8080/scrape']);
  });

  it('is not asked of engines that have no such page', async () => {
    server.metrics = fixture('vllm.metrics');
    await source.collect(0, never);
    expect(server.askedForProps()).toBe(0);
  });
});
