import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AssignmentEncoder } from '../../src/base/codec/index.ts';
import { compileAssignments, compileRuntime, compileStructure } from '../../src/core/resources/index.ts';
import { type EnvoyProcess, findEnvoy, startEnvoy } from '../../src/edge/envoy/index.ts';
import { loaded } from '../core/policy/load.ts';
import { anEndpoint, aPlan } from '../core/resources/build-policy.ts';
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
    - { class: P1, retry: { numRetries: 1 } }
    - { class: P3, retry: { numRetries: 0 }, timeouts: { request: 300ms } }
  pools: [{ name: gpu, endpoints: { static: [{ address: 127.0.0.1, port: 1 }] } }]
`;

describe('the routes of a class', () => {
  let server: Server;
  let envoy: EnvoyProcess | undefined;
  let feed: FileFeed | undefined;
  let port: number;
  let tries = 0;
  let behaves: 'Well' | 'Busy' | 'Silent' = 'Well';

  beforeAll(async () => {
    // Answers with the class that it was told.
    server = createServer((request, response) => {
      request.resume();
      tries += 1;
      if (behaves === 'Silent') return;
      response.writeHead(behaves === 'Busy' ? 503 : 200).end(String(request.headers['x-class']));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
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
    envoy = await startEnvoy({ binary: await findEnvoy(), bootstrap: feed.bootstrap() });
    await envoy.ready(20_000);
    await until('it answers', async () => (await ask(['P2']).catch(() => undefined))?.status === 200);
  });

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
