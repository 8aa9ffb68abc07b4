import { createSecureServer, type Http2SecureServer } from 'node:http2';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { envoyOf, INSTALL_TIMEOUT_MS, RELEASES } from '../../support/envoy-releases.ts';
import { Pki } from '../../support/pki.ts';
import { Serve, until } from '../../support/serve.ts';
import { servicesPolicy } from '../../support/services-policy.ts';
import { type Sidecar, startSidecar } from '../../support/sidecar.ts';

const LONG = process.env.LOADLINE_TEST_LONG === '1';
const CLIENT = 'spiffe://mesh.test/sidecar';

describe.each(LONG ? RELEASES : ['1.40.0'])('TLS to the servers on Envoy %s', (release) => {
  let ours: Pki;
  let theirs: Pki;
  const servers: (Server | Http2SecureServer)[] = [];
  let serve: Serve | undefined;
  let sidecar: Sidecar | undefined;

  /** Says in each answer what it was asked in: protocol, and the server name of the handshake. */
  const secure = async (pki: Pki, name: string, alpn: readonly string[], asksForClients = false): Promise<number> => {
    const { cert, key } = await pki.issue({ names: [name] });
    const asks = asksForClients ? { ca: ours.authority.cert, requestCert: true, rejectUnauthorized: true } : {};
    const options = { cert, key, ALPNProtocols: [...alpn], ...asks };
    const server = alpn.includes('h2') ? createSecureServer(options) : createServer(options);
    server.on('request', (request, response) => {
      // Of HTTP/2 the socket is a proxy that has the name too.
      const { servername } = request.socket as TLSSocket & { readonly servername?: string | false };
      request.resume();
      response.end(`${request.httpVersion} ${servername || '-'}`);
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return (server.address() as AddressInfo).port;
  };

  const policy = async (): Promise<string> => {
    const caFile = `{ filename: ${ours.write('ca.pem', ours.authority.cert)} }`;
    const wrongFile = theirs.write('ca.pem', theirs.authority.cert);
    const secret = (name: string, content: object): string =>
      ours.write(
        `${name}.json`,
        JSON.stringify({
          resources: [
            { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret', name, ...content },
          ],
        }),
      );
    const theirCa = secret('their-ca', { validation_context: { trusted_ca: { filename: wrongFile } } });
    const own = await ours.issue({ names: [CLIENT] });
    const pair = `{ certificateChain: ${ours.write('own.pem', own.cert)}, privateKey: ${ours.write('own.key', own.key)} }`;
    const h2 = await secure(ours, 'h2.test', ['h2'], true);
    const h1 = await secure(ours, 'h1.test', ['http/1.1']);
    const far = await secure(theirs, 'far.test', ['h2']);
    const path = (name: string, upstream: string): string =>
      `  match: { pathPrefix: /${name} }\n  retry: { numRetries: 0 }\n  upstream: { ${upstream} }\n`;
    const theirTls = `tls: { sni: far.test, trustedCa: { sds: { path: ${theirCa}, name: their-ca } } }`;
    return servicesPolicy([
      {
        name: 'h2',
        lines: path('h2', `protocol: Http2, tls: { sni: h2.test, trustedCa: ${caFile}, clientCertificate: ${pair} }`),
        pools: [{ name: 'gpu', port: h2 }],
      },
      {
        name: 'auto',
        lines: `${path('auto', `protocol: Auto, tls: { sni: h1.test, trustedCa: ${caFile} }`)}  loadBalancer: { type: RoundRobin, weights: Disabled }\n`,
        pools: [
          { name: 'near', port: h1 },
          { name: 'far', port: far, lines: `      upstream: { ${theirTls} }\n` },
        ],
      },
      {
        name: 'stranger',
        lines: path('stranger', `protocol: Http2, tls: { sni: far.test, trustedCa: ${caFile} }`),
        pools: [{ name: 'gpu', port: far }],
      },
      {
        name: 'misnamed',
        lines: path('misnamed', `tls: { sni: h1.test, subjectAltNames: [other.test], trustedCa: ${caFile} }`),
        pools: [{ name: 'gpu', port: h1 }],
      },
    ]);
  };

  beforeAll(async () => {
    const found = await envoyOf(release);
    [ours, theirs] = await Promise.all([Pki.create('ours'), Pki.create('theirs')]);
    serve = await new Serve(await policy()).start();
    if ('binary' in found) sidecar = await startSidecar(serve.xds, 'a', found.binary);
  }, INSTALL_TIMEOUT_MS);

  afterAll(async () => {
    await sidecar?.envoy.stop();
    await serve?.dispose();
    for (const server of servers) {
      if ('closeAllConnections' in server) server.closeAllConnections();
      server.close();
    }
    ours?.dispose();
    theirs?.dispose();
  });

  const answerOf = async (path: string): Promise<readonly [number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${sidecar?.port}${path}`);
    return [answer.status, await answer.text()];
  };
  const stats = async (pattern: string): Promise<Readonly<Record<string, number>>> =>
    (await sidecar?.envoy.stats(pattern)) ?? {};

  it('asks for the server by its name, in HTTP/2, with the sidecar’s own certificate', async ({ skip }) => {
    if (sidecar === undefined) skip(`no Envoy ${release}`);
    expect(await answerOf('/h2')).toEqual([200, '2.0 h2.test']);
    expect(await stats('^cluster\\.h2\\.(ssl\\.handshake|upstream_cx_http2_total)$')).toEqual({
      'cluster.h2.ssl.handshake': 1,
      'cluster.h2.upstream_cx_http2_total': 1,
    });
  });

  it('speaks to each pool of one service in its protocol, under its name and its authority', async ({ skip }) => {
    if (sidecar === undefined) skip(`no Envoy ${release}`);
    const answers = new Set<string>();
    for (let sent = 0; sent < 8; sent += 1) answers.add((await answerOf('/auto')).join(' '));
    expect([...answers].sort()).toEqual(['200 1.1 h1.test', '200 2.0 far.test']);
    expect(await stats('^cluster\\.auto\\.upstream_cx_http[12]_total$')).toEqual({
      'cluster.auto.upstream_cx_http1_total': 1,
      'cluster.auto.upstream_cx_http2_total': 1,
    });
  });

  it('sends nothing to a server of another authority, or of another name', async ({ skip }) => {
    if (sidecar === undefined) skip(`no Envoy ${release}`);
    for (const [path, stat] of [
      ['stranger', 'fail_verify_error'],
      ['misnamed', 'fail_verify_san'],
    ] as const) {
      expect((await answerOf(`/${path}`))[0]).toBe(503);
      const counted = await stats(`^cluster\\.${path}\\.(ssl\\.${stat}|upstream_rq_200)$`);
      expect(counted[`cluster.${path}.ssl.${stat}`], path).toBeGreaterThan(0);
      expect(counted[`cluster.${path}.upstream_rq_200`] ?? 0).toBe(0);
    }
  });

  it('puts nothing of a certificate or key into what is logged or sent', async ({ skip }) => {
    if (sidecar === undefined) skip(`no Envoy ${release}`);
    await until('Envoy has its clusters', async () => ((await sidecar?.envoy.clusters())?.h2 ?? []).length === 1);
    expect(serve?.log).not.toMatch(/BEGIN|PRIVATE KEY/);
    expect(await serve?.metric('loadline_xds_nacks_total')).toBe(0);
  });
});
