import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { run } from './run.ts';

const TLS = ['--tls-ca', 'ca.crt', '--tls-cert', 'a.crt', '--tls-key', 'a.key'];
const WHO = ['--group', 'lab', '--node-id', 'a'];

type Bootstrap = {
  readonly node: { readonly id: string; readonly cluster: string };
  readonly static_resources: {
    readonly clusters: readonly { readonly name: string; readonly type: string; readonly load_assignment?: unknown }[];
  };
};

async function printed(...argv: readonly string[]): Promise<Bootstrap> {
  const { code, out } = await run('bootstrap', ...WHO, ...argv);
  expect(code).toBe(0);
  return parse(out) as Bootstrap;
}

describe('bootstrap', () => {
  it('prints YAML by default and JSON on demand: the same', async () => {
    const json = await run('bootstrap', ...WHO, '--output', 'json');
    expect(await printed()).toEqual(JSON.parse(json.out));
    expect((await run('bootstrap', ...WHO)).out).toMatch(/^node:\n/);
  });

  it('names the sidecar and its group', async () => {
    expect((await printed()).node).toMatchObject({
      id: 'a',
      cluster: 'lab',
      metadata: { loadline: { listeners: {} } },
    });
  });

  it('takes two servers, a zone, an admin address and listeners of its own', async () => {
    const message = await printed(
      '--xds',
      '10.0.0.1:18000,10.0.0.2:18000',
      '--zone',
      'b',
      '--admin-address',
      '127.0.0.1:19000',
      '--listener',
      'models=127.0.0.1:15011',
      'other=[::1]:15012',
    );
    expect(message).toMatchObject({
      node: {
        locality: { zone: 'b' },
        metadata: { loadline: { listeners: { models: '127.0.0.1:15011', other: '[::1]:15012' }, adminPort: 19_000 } },
      },
      admin: { address: { socket_address: { address: '127.0.0.1', port_value: 19_000 } } },
    });
    const xds = message.static_resources.clusters[0];
    expect(JSON.stringify(xds?.load_assignment)).toContain('10.0.0.2');
  });

  it('prints the command that runs it to standard error, so that the output can be redirected', async () => {
    const { out, err } = await run('bootstrap', ...WHO);
    expect(err).toMatch(/^run: envoy -c envoy\.yaml --use-dynamic-base-id .*--drain-time-s \d+/);
    expect(out).not.toContain('run:');
    expect((await run('bootstrap', ...WHO, '--output', 'json')).err).toContain('-c envoy.json');
  });

  it('with TLS writes the bootstrap and the two files by which Envoy takes renewed certificates', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-bootstrap-'));
    try {
      const { code, out, err } = await run('bootstrap', ...WHO, ...TLS, '--out', folder);
      expect({ code, out }).toEqual({ code: 0, out: '' });
      expect(err).toContain(`run: envoy -c ${join(folder, 'envoy.yaml')} `);
      expect(readdirSync(folder).sort()).toEqual(['client-certificate.json', 'envoy.yaml', 'server-ca.json']);
      const text = readFileSync(join(folder, 'envoy.yaml'), 'utf8');
      for (const name of ['client-certificate.json', 'server-ca.json']) expect(text).toContain(join(folder, name));
      expect(readFileSync(join(folder, 'client-certificate.json'), 'utf8')).toContain(resolve('a.key'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each([
    [['--tls-cert', 'a.crt', '--tls-key', 'a.key'], '--tls-ca, --tls-cert and --tls-key are needed together'],
    [TLS, 'with TLS --out DIR is needed'],
    [['--tls-server-name', 'x'], '--tls-server-name needs'],
    [[...TLS, '--out', 'x', '--xds', 'unix:/run/xds.sock'], 'has no host'],
    [['--out', 'package.json/none'], '--out package.json/none: ENOTDIR'],
    [['--xds', 'nowhere'], 'nowhere'],
    [['--xds', '127.0.0.1:0'], '127.0.0.1:0'],
    [['--xds', 'a:1,b:2,c:3'], 'one or two xDS addresses are needed, not 3'],
    [['--xds', ''], 'xDS address'],
    [['--listener', 'models'], 'expected NAME=ADDR'],
    [['--listener', 'models=localhost:1'], 'models=localhost:1'],
    [['--admin-address', 'x'], 'admin address x'],
    [['--node-id', ''], 'expected a name'],
    [['--group', ' '], 'expected a name'],
  ])('%j is a mistake of usage and prints nothing', async (argv, words) => {
    const { code, out, err } = await run('bootstrap', ...WHO, ...argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(words);
  });
});
