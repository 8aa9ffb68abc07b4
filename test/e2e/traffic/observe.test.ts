import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OBSERVED } from '../../../scripts/envoy-page.ts';
import { type Backends, startBackends } from '../../support/backends.ts';
import { Pki } from '../../support/pki.ts';
import { Serve } from '../../support/serve.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

/** What the names of the page stand for in the policy below. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  // Of a service without TLS there is nothing about it.
  [/SERVICE(\/POOL)?\.ssl/g, 'sessions.ssl'],
  [/SERVICE\.POOL\./g, 'sessions.own.'],
  // Of a service whose split is fixed there is nothing but its pools.
  [/SERVICE\/POOL/g, 'fixed/a'],
  [/SERVICE\.maglev_lb/g, 'sessions.maglev_lb'],
  [/SERVICE/g, 'chat'],
  [/LISTENER/g, 'models'],
  [/HOST/g, 'sessions+fixed+chat'],
  [/CLASS/g, 'P0'],
];

describe('the statistics that the docs name', () => {
  let backends: Backends;
  let pki: Pki;
  let serve: Serve;
  let sidecar: Sidecar;

  beforeAll(async () => {
    backends = await startBackends(2);
    pki = await Pki.create();
    serve = await new Serve(policy(backends.ports, pki.write('ca.pem', pki.authority.cert))).start();
    sidecar = await startSidecar(serve.xds, 'a');
  });

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    await backends?.stop();
    pki?.dispose();
  });

  it('are all there on a live Envoy, each as it is written', async () => {
    // Some begin with the first request that they could count.
    for (const path of ['/chat', '/fixed']) {
      const answer = await fetch(`http://127.0.0.1:${sidecar.port}${path}`, {
        method: 'POST',
        body: '{"model":"fixed"}',
        headers: { 'content-type': 'application/json', 'x-loadline-class': 'P0' },
      });
      expect(answer.status).toBe(200);
      await answer.arrayBuffer();
    }
    const page = await (await fetch(`http://${sidecar.envoy.admin}/stats`)).text();
    const known = new Set(page.split('\n').map((line) => line.slice(0, line.lastIndexOf(': '))));
    const wanted = Object.values(OBSERVED)
      .flat()
      .flatMap(({ stats = [] }) => stats)
      .map((stat) => NAMES.reduce((name, [word, value]) => name.replace(word, value), stat));
    expect(wanted.length).toBeGreaterThan(50);
    expect(wanted.filter((stat) => !known.has(stat))).toEqual([]);
  });
});

function policy([one, other]: readonly number[], ca: string): string {
  const server = (port: number | undefined): string => `{ static: [{ address: 127.0.0.1, port: ${port} }] }`;
  return `apiVersion: loadline.dev/v1alpha1
kind: SidecarGroup
metadata: { name: lab }
spec:
  listeners: [{ name: models, address: 127.0.0.1, port: 15001 }]
  modelServices: [chat, fixed, sessions]
  trafficClasses: { use: standard, allow: [P0, P2], default: P2 }
---
apiVersion: loadline.dev/v1alpha1
kind: TrafficClasses
metadata: { name: standard }
spec: { header: x-loadline-class, classes: [{ name: P0, reserve: 20% }, { name: P2 }] }
---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
  match: { pathPrefix: /chat }
  healthCheck: {}
  pools:
    - { name: first, endpoints: ${server(one)} }
    - { name: second, endpoints: ${server(other)} }
  split: { tiers: [[first], [second]] }
  overload: { enterAt: 1, leaveAt: 0.8, actions: [{ degrade: { class: P0, toPool: second } }] }
  rateLimits:
    - { name: all, rate: 100/s, burst: 100 }
    - { name: group, rate: 100/s, burst: 100, scope: Group, class: P0 }
---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: fixed }
spec:
  hostnames: ["*"]
  match: { pathPrefix: /fixed, models: [fixed] }
  pools:
    - { name: a, endpoints: ${server(one)} }
    - { name: b, endpoints: ${server(other)} }
  split: { mode: Fixed, weights: { a: 1, b: 1 } }
---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: sessions }
spec:
  hostnames: ["*"]
  match: { pathPrefix: /sessions }
  loadBalancer: { type: Maglev, hash: { header: x-session } }
  upstream: { tls: { sni: a.test, trustedCa: { filename: ${ca} } } }
  pools:
    - { name: a, endpoints: ${server(one)} }
    - { name: own, upstream: { tls: { sni: b.test, trustedCa: { filename: ${ca} } } }, endpoints: ${server(other)} }
`;
}
