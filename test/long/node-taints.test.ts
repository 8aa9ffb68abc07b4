import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type ByHandClient, connectByHand } from '../../src/edge/admin/index.ts';
import { readWatchEvent } from '../../src/edge/kubernetes/watch-event.ts';
import type { OperationView } from '../../src/edge/observe/index.ts';
import { AgentProcess } from '../support/agent.ts';
import { findKubeApiserver } from '../support/kubernetes/install-kube-apiserver.ts';
import { type ApiObject, KubeApiserver } from '../support/kubernetes/kube-apiserver.ts';
import { poolsPolicy } from '../support/pools-policy.ts';
import { Serve, until } from '../support/serve.ts';

const NODE = 'gpu-7';
const MANIFEST = join(import.meta.dirname, '../../deploy/kubernetes/agent.yaml');
const MERGE = 'application/merge-patch+json';
/** A tick and a call, on a busy machine. */
const SOON_MS = 20_000;

const found =
  process.env.LOADLINE_TEST_LONG === '1'
    ? findKubeApiserver()
    : { missing: 'set LOADLINE_TEST_LONG=1 (npm run test:long)' };
if ('missing' in found) process.stdout.write(`skipped: node taints: ${found.missing}\n`);

/** A real API server, `loadline serve` and `loadline agent`, which knows of the cluster what the manifest lets it. */
describe.skipIf('missing' in found)('taints of a node in a real Kubernetes API', () => {
  let cluster: KubeApiserver;
  let serve: Serve;
  let agent: AgentProcess;
  let client: ByHandClient;
  let token: string;
  let tokenFile: string;

  const createNode = (): Promise<ApiObject> =>
    cluster.must('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } });
  const taint = (...taints: readonly ApiObject[]): Promise<ApiObject> =>
    cluster.must('PATCH', `/api/v1/nodes/${NODE}`, { spec: { taints } }, MERGE);
  const operations = (finished = false): Promise<readonly OperationView[]> => client.list({ finished });
  const drains = async (count: number): Promise<readonly OperationView[]> => {
    const startedAt = performance.now();
    await until(`${count} drains run`, async () => (await operations()).length === count, SOON_MS);
    process.stdout.write(`node taints: ${count} drains after ${Math.round(performance.now() - startedAt)} ms\n`);
    return operations();
  };

  beforeAll(async () => {
    cluster = await KubeApiserver.start((found as { binary: string }).binary);
    for (const document of parseAllDocuments(readFileSync(MANIFEST, 'utf8')))
      await cluster.must('POST', `${collectionOf(document.toJS())}?fieldValidation=Strict`, document.toJS());
    const asked = await cluster.must('POST', '/api/v1/namespaces/loadline/serviceaccounts/loadline-agent/token', {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600 },
    });
    ({ token } = asked.status as { token: string });
    await createNode();
    serve = await new Serve(
      poolsPolicy([{ name: 'gpu', ports: [19101, 19102] }]).replace('port: 19101 ', `port: 19101, instance: ${NODE} `),
    ).start();
    client = connectByHand(serve.admin);
    tokenFile = join(serve.data, 'token');
    writeFileSync(tokenFile, token);
    agent = new AgentProcess([
      ...['--server', serve.admin, '--node-taints', NODE],
      ...[
        '--kubernetes-api',
        cluster.url,
        '--kubernetes-token-file',
        tokenFile,
        '--kubernetes-ca-file',
        cluster.caFile,
      ],
    ]);
  }, 120_000);

  afterAll(async () => {
    client?.close();
    await agent?.end('SIGTERM');
    await serve?.dispose();
    await cluster?.dispose();
  });

  it('the role of the manifest lets the agent read nodes, and nothing else', async () => {
    expect((await cluster.ask('GET', `/api/v1/nodes/${NODE}`, { token })).status).toBe(200);
    for (const path of ['/api/v1/pods', '/api/v1/secrets', '/api/v1/namespaces'])
      expect((await cluster.ask('GET', path, { token })).status, path).toBe(403);
    const patched = await cluster.ask('PATCH', `/api/v1/nodes/${NODE}`, { token, type: MERGE, body: {} });
    expect(patched.status).toBe(403);
  });

  it('one of the autoscaler drains the endpoint until ten minutes after the time in it', async () => {
    const setAtSec = Math.floor(Date.now() / 1000) - 60;
    await taint({ key: 'ToBeDeletedByClusterAutoscaler', value: String(setAtSec), effect: 'NoSchedule' });
    const [drain] = await drains(1);
    const goesAt = new Date((setAtSec + 600) * 1000).toISOString().replace('.000', '');
    expect(drain).toMatchObject({
      kind: 'Drain',
      target: 'chat/gpu/127.0.0.1:19101',
      reason: `node ${NODE} has the taint ToBeDeletedByClusterAutoscaler`,
      effect: expect.stringContaining(`the machine goes away at ${goesAt}`),
    });
  });

  it('taken away again ends the drain, and says why', async () => {
    await taint();
    await drains(0);
    expect(await operations(true)).toMatchObject([
      { state: 'Cancelled', cancelReason: 'its notice was withdrawn: the machine stays' },
    ]);
  });

  it('set while the API server was away, and its token was none, are seen when both are back', async () => {
    await cluster.kill();
    await until('the agent says so', () => agent.log.includes('node taints cannot be read'), SOON_MS);
    writeFileSync(tokenFile, 'expired');
    await cluster.run();
    await until('the agent says so', () => agent.log.includes('the Kubernetes API answers 401: Unauthorized'), SOON_MS);
    writeFileSync(tokenFile, token);
    await taint({ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' });
    const [drain] = await drains(1);
    expect(drain?.reason).toBe(`node ${NODE} has the taint karpenter.sh/disrupted`);
    expect(agent.log).toContain('node taints are read again');
  });

  it('a version from before is one that the server does not know any more, in the words that are expected', async () => {
    const { body } = await cluster.ask('GET', '/api/v1/nodes?watch=1&resourceVersion=1&timeoutSeconds=1');
    expect(readWatchEvent(JSON.stringify(body))).toMatchObject({ kind: 'Error', code: 410 });
  });

  it('of a node that is deleted leave the drain as it is, and the next node of that name ends it', async () => {
    await cluster.must('DELETE', `/api/v1/nodes/${NODE}`);
    await until('the agent says so', () => agent.log.includes('knows no such node'), SOON_MS);
    expect(await operations()).toHaveLength(1);
    await createNode();
    await drains(0);
  });

  it('leave nothing of the token in the logs', () => {
    expect(agent.log).toContain('interruption notice given');
    expect(agent.log + serve.log).not.toContain(token.slice(0, 40));
  });
});

function collectionOf({
  apiVersion,
  kind,
  metadata,
}: {
  apiVersion: string;
  kind: string;
  metadata: { namespace?: string };
}): string {
  const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const inNamespace = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${group}${inNamespace}/${kind.toLowerCase()}s`;
}
