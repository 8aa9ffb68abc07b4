import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { InstanceMetadata } from '../../../src/edge/agent/instance-metadata.ts';
import { startMetadata } from '../../support/instance-metadata.ts';

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function answering(status: number, body: string): Promise<InstanceMetadata> {
  const server = createServer((_request, response) => void response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(() => new Promise((resolve) => server.close(resolve)));
  return new InstanceMetadata(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

describe('the instance metadata service', () => {
  it('is asked with a token of its own, and knows nothing until it does', async () => {
    const fake = await startMetadata();
    ends.push(fake.stop);
    const metadata = new InstanceMetadata(fake.url);
    expect(await metadata.instanceAction()).toMatchObject({ ok: true, value: undefined });
    expect(await metadata.instanceId()).toMatchObject({ ok: true, value: 'i-0123456789abcdef0' });
    fake.interrupt('terminate', 1_800_000_000_000);
    expect(await metadata.instanceAction()).toMatchObject({
      ok: true,
      value: { action: 'terminate', atMs: 1_800_000_000_000 },
    });
    expect(fake.asked.filter((one) => one.startsWith('PUT'))).toHaveLength(1);
    fake.forgetTokens();
    expect(await metadata.instanceAction()).toMatchObject({ ok: true, value: { action: 'terminate' } });
    expect(fake.asked.filter((one) => one.startsWith('PUT'))).toHaveLength(2);
  });

  it.each([
    [500, 'x', /gives no token: it answers 500/],
    [200, 'a token\nwith a line', /gives no token/],
    [200, 'x'.repeat(5000), /more than 4096 bytes/],
    [200, 'token', /^no JSON/],
  ])('that answers %i is told of, and believed nothing', async (status, body, words) => {
    const answer = await (await answering(status, body)).instanceAction();
    expect(answer).toMatchObject({ ok: false, issues: [{ message: expect.stringMatching(words) }] });
  });

  it('that is not there is told of', async () => {
    const gone = await startMetadata();
    await gone.stop();
    expect(await new InstanceMetadata(gone.url).instanceAction()).toMatchObject({
      ok: false,
      issues: [{ message: expect.stringContaining('ECONNREFUSED') }],
    });
  });
});
