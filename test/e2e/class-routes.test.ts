import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AssignmentEncoder } from '../../src/base/codec/index.ts';
import { compileAssignments, compileRuntime, compileStructure } from '../../src/core/resources/index.ts';
import { type EnvoyProcess, findEnvoy, startEnvoy } from '../../src/edge/envoy/index.ts';
import { loaded } from '../core/policy/load.ts';
import { anEndpoint, aPlan } from '../core/resources/build-policy.ts';
import { envoyOf, RELEASES } from '../support/envoy-releases.ts';
import { FileFeed } from '../support/file-fed-envoy.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/serve.ts';

const policyText = (port: number): string => `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: lab }
spec:
  listeners: [{ name: models, address: 127.0.0.1, port: ${port} }]
  modelServices: [chat]
  trafficClasses: { use: standard, allow: [P1, P2, P3], default: P2 }
---
apiVersion: loadline.dev/v1alpha1
kind: TrafficClasses
metadata: { name: standard }
spec: { header: x-class, classes: [{ name: P0 }, { name: P1 }, { name: P2 }, { name: P3 }] }
---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
  retry: { numRetries: 2, backOff: { baseInterval: 1ms } }
  outlierDetection: { maxEjectionPercent: 0%, alwaysEjectOneHost: false }
  classes:
    - { class: P1, retry: { numRetries: 1, retryOn: [retriable-status-codes, reset] } }
    - { class: P3, retry: { numRetries: 0 }, timeouts: { request: 300ms } }
  pools: [{ name: gpu, endpoints: { static: [{ address: 127.0.0.1, port: 1 }] } }]
`;

/** With LOADLINE_TEST_LONG=1 the oldest release that is supported and one in between too: they read several lines of a header in other ways. */
const LONG = process.env.LOADLINE_TEST_LONG === '1';
if (!LONG) process.stdout.write('skipped: the routes of a class on older Envoys are for LOADLINE_TEST_LONG=1\n');

describe.each(LONG ? RELEASES : ['newest'])('the routes of a class, on Envoy %s', (release) => {
  let server: Server;
  let envoy: EnvoyProcess | undefined;
  let feed: FileFeed | undefined;
  let port: number;
  let tries = 0;
  let behaves: 'Well' | 'Busy' | 'Silent' | 'Dying' = 'Well';

  beforeAll(async () => {
    // Answers with the class that it was told.
    server = createServer((request, response) => {
      request.resume();
      tries += 1;
      if (behaves === 'Silent') return;
      if (behaves === 'Dying') return void request.socket.destroy();
      response.writeHead(behaves === 'Busy' ? 503 : 200).end(String(request.headers['x-class']));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const binary = release === 'newest' ? { binary: await findEnvoy() } : await envoyOf(release);
    if ('missing' in binary) throw new Error(binary.missing);
    port = await freePort();
    const policy = loaded(policyText(port));
    const group = policy.groups[0] as (typeof policy.groups)[0];
    const target = anEndpoint('chat', (server.address() as AddressInfo).port);
    feed = new FileFeed();
    feed.write([
      ...compileStructure(policy, group, { release: '1.36', listenerOverrides: {} }),
      ...compileRuntime(policy, group),
      ...compileAssignments(aPlan(policy, { chat: [target] }), group, new AssignmentEncoder()),
    ]);
    envoy = await startEnvoy({ ...binary, bootstrap: feed.bootstrap() });
    await envoy.ready(20_000);
    await until('it answers', async () => (await ask(['P2']).catch(() => undefined))?.status === 200);
  }, 120_000);

  afterAll(async () => {
    await envoy?.stop();
    feed?.remove();
    server?.closeAllConnections();
    server?.close();
  });

  /** With so many lines of the header. */
  const ask = async (lines: readonly string[]): Promise<{ readonly status: number; readonly told: string }> => {
    const { request } = await import('node:http');
    return new Promise((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port, path: '/', agent: false });
      if (lines.length > 0) call.setHeader('x-class', [...lines]);
      call.on('error', reject).on('response', (response) => {
        let told = '';
        response.on('data', (chunk: Buffer) => {
          told += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, told }));
      });
      call.end();
    });
  };

  const stats = async (name: string, stat: string): Promise<number> => {
    const full = `vhost.chat.route.chat.${name}.${stat}`;
    return (await envoy?.stats(`^${full.replaceAll('.', '\\.')}$`))?.[full] ?? 0;
  };

  it('try again as often as is said of the class', async () => {
    behaves = 'Busy';
    for (const [name, times] of [
      ['P1', 2],
      ['P2', 3],
      ['P3', 1],
    ] as const) {
      tries = 0;
      expect((await ask([name])).status).toBe(503);
      expect([name, tries]).toEqual([name, times]);
      expect(await stats(name, 'upstream_rq_retry')).toBe(times - 1);
    }
  });

  it('try again what a server had begun only where that is said: a prompt that kills its server is run twice', async () => {
    behaves = 'Dying';
    for (const [name, times] of [
      ['P1', 2],
      ['P2', 1],
    ] as const) {
      tries = 0;
      expect((await ask([name])).status).toBe(503);
      expect([name, tries]).toEqual([name, times]);
    }
  });

  it('are chosen by one class alone: who adds a line to a header does not raise what stands in it', async () => {
    behaves = 'Well';
    const told = async (...lines: readonly string[]) => (await ask(lines)).told;
    expect(await told('P1')).toBe('P1');
    // P2 is the default of the group, and P0 a class that it does not allow.
    for (const lines of [['P1', 'P3'], ['P3', 'P1'], ['P1', 'P2'], ['P1', 'P0'], ['P0', 'P1'], ['P1,P3']])
      expect([lines, await told(...lines)]).toEqual([lines, 'P2']);
  });

  it('wait as long as is said of the class', async () => {
    behaves = 'Silent';
    const late = ask(['P2']).catch(() => undefined);
    expect((await ask(['P3'])).status).toBe(504);
    expect(await stats('P3', 'upstream_rq_timeout')).toBe(1);
    expect(await stats('P2', 'upstream_rq_timeout')).toBe(0);
    server.closeAllConnections();
    await late;
    behaves = 'Well';
  });
});
