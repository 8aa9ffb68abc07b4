import { afterEach, describe, expect, it } from 'vitest';
import { TAINT_RULES } from '../../../src/core/operations/index.ts';
import { createAdminServer } from '../../../src/edge/admin/index.ts';
import { Agent } from '../../../src/edge/agent/agent.ts';
import { buildServerView } from '../../../src/edge/observe/index.ts';
import { FakeKubernetes } from '../../support/kubernetes/fake-api.ts';
import { viewInput } from '../observe/a-view.ts';
import { FakeLog as ServerLog } from '../observe/fake-log.ts';
import { FakeLog } from '../signals/fake-log.ts';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** An admin server that hears notices, and what it heard. */
async function hearing() {
  const heard: string[] = [];
  const taken = { ok: true, value: { operations: [], notes: [] }, warnings: [] } as const;
  const server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => buildServerView(viewInput(1)),
      explain: () => ({ ok: false, issues: [] }),
      proxyConfig: () => ({ ok: false, issues: [] }),
    },
    operations: { probe: () => ({ ok: false, issues: [] }) },
    notices: {
      take: async ({ machine, reason, atMs }) => {
        heard.push(`${JSON.stringify(machine)}: ${reason}, in ${Math.round((atMs - Date.now()) / 10_000)}0 s`);
        return taken;
      },
      withdraw: async ({ machine, reason }) => {
        heard.push(`${JSON.stringify(machine)}: not ${reason}`);
        return taken;
      },
      nowMs: () => Date.now(),
    },
    log: new ServerLog(),
  });
  ends.push(() => server.stop());
  return { server, heard };
}

describe('an agent that watches its node', () => {
  it('tells the server when the node is tainted, and when it is not any more', async () => {
    const [fake, { server, heard }] = [await FakeKubernetes.start(), await hearing()];
    ends.push(() => fake.stop());
    const { url, tokenFile, caFile } = fake;
    const log = new FakeLog();
    const agent = new Agent(
      {
        server: server.address,
        name: 'a',
        intervalMs: 1000,
        engines: [],
        endpoints: [{ address: '10.0.0.1', port: 8000 }],
        taints: { node: 'gpu-7', api: { url, tokenFile, caFile }, rules: TAINT_RULES },
      },
      log,
    );
    ends.push(() => agent.stop());
    agent.start();
    await expect.poll(() => fake.watchers, { timeout: 15_000 }).toBe(1);
    fake.taint([{ key: 'karpenter.sh/disrupted' }]);
    const place = '{"kind":"Address","address":"10.0.0.1","port":8000}';
    await expect
      .poll(() => heard, { timeout: 15_000 })
      .toEqual([`${place}: node gpu-7 has the taint karpenter.sh/disrupted, in 120 s`]);
    fake.taint([]);
    await expect
      .poll(() => heard[1], { timeout: 15_000 })
      .toBe(`${place}: not node gpu-7 has the taint karpenter.sh/disrupted`);
    fake.removeNode();
    await expect.poll(() => log.lines, { timeout: 15_000 }).toContain('warn | the Kubernetes API knows no such node');
    agent.stop();
    await expect.poll(() => fake.watchers, { timeout: 15_000 }).toBe(0);
  });
});
