import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOG_LEVELS } from '../../src/edge/observe/index.ts';
import { run } from './run.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'loadline-serve-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function config(text: string): string {
  const path = join(folder, 'serve.yaml');
  writeFileSync(path, text);
  return path;
}

async function refused(...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await run('serve', ...argv);
  expect({ code, out }, argv.join(' ')).toEqual({ code: 2, out: '' });
  return err;
}

const POLICY = ['--policies', 'docs/examples/lab.yaml'];

describe('serve refuses before it starts anything', () => {
  it('without certificates: plaintext is never the default', async () => {
    expect(await refused(...POLICY)).toContain('--tls-cert, --tls-key, --tls-client-ca are missing');
    expect(await refused(...POLICY, '--tls-cert', 'a', '--tls-key', 'b')).toContain('--tls-client-ca is missing');
    const file = config('tlsCert: a\ntlsKey: b\n');
    expect(await refused(...POLICY, '--config', file)).toContain('--tls-client-ca is missing');
    expect(await refused(...POLICY, '--config', config('tlsCert: 1'))).toContain("'tlsCert' has the wrong type");
  });

  it('certificates beside --dev: one of them would be meant', async () => {
    for (const flag of ['--tls-cert', '--tls-key', '--tls-client-ca', '--tls-client-crl'])
      expect(await refused('--dev', ...POLICY, flag, 'x')).toContain(`${flag} and --dev contradict each other`);
  });

  it('addresses that others could reach, and what is none', async () => {
    for (const flag of ['--xds', '--admin', '--http']) {
      expect(await refused('--dev', ...POLICY, flag, '0.0.0.0:0')).toContain(
        `${flag} 0.0.0.0:0: with --dev only loopback`,
      );
      expect(await refused('--dev', ...POLICY, flag, '18000')).toContain(`${flag}: address "18000"`);
      expect(await refused('--dev', ...POLICY, flag, '[::]:0')).toContain('only loopback');
    }
  });

  it('an access policy beside --dev, and an allow list that cannot be read', async () => {
    expect(await refused('--dev', ...POLICY, '--access', 'access.yaml')).toContain(
      '--access and --dev contradict each other',
    );
    expect(await refused('--dev', ...POLICY, '--fetch-allow', '10.0.0.0/8', '10.0.0.1/8')).toContain(
      '--fetch-allow "10.0.0.1/8": expected a host name, *.SUFFIX, an IP address or a range such as 10.0.0.0/8',
    );
    const list = config('dev: true\npolicies: p.yaml\nfetchAllow: ["http://a"]\n');
    expect(await refused('--config', list)).toContain('--fetch-allow "http://a": expected a host name');
    expect(await refused('--config', config('fetchAllow: 10.0.0.0/8'))).toContain("'fetchAllow' has the wrong type");
  });

  it('a log level that there is not, as flag and in the file', async () => {
    expect(await refused('--log-level', 'loud')).toContain(
      `argument 'loud' is invalid. Allowed choices are ${LOG_LEVELS.join(', ')}.`,
    );
    expect(await refused('--config', config('logLevel: loud'))).toContain(
      "logLevel 'loud' is none of trace, debug, info",
    );
  });

  it('a config file that cannot be read or says what it cannot', async () => {
    expect(await refused('--config', join(folder, 'none'))).toContain('ENOENT');
    expect(await refused('--config', config('- a'))).toContain('expected keys policies, data');
    expect(await refused('--config', config(''))).toContain('expected keys');
    expect(await refused('--config', config('a: [1'))).toContain(`--config ${folder}`);
    expect(await refused('--config', config('polices: x'))).toContain("unknown key 'polices'");
    expect(await refused('--config', config('dev: "yes"'))).toContain("'dev' has the wrong type");
    expect(await refused('--config', config('xds: 18000'))).toContain("'xds' has the wrong type");
  });

  it('takes flags over the file: what the file says wrongly does not count', async () => {
    const path = config('dev: true\npolicies: p.yaml\nxds: 0.0.0.0:1\nhttp: 0.0.0.0:2\n');
    expect(await refused('--config', path)).toContain('--xds 0.0.0.0:1');
    expect(await refused('--config', path, '--xds', '127.0.0.1:0')).toContain('--http 0.0.0.0:2');
  });
});
