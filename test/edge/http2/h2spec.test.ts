import { execFile } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildGoTool } from '../../support/go-tool.ts';
import { PlainServer } from './plain-server.ts';

const LIMIT_MS = 60_000;
const h2spec = await buildGoTool('h2spec');
if ('missing' in h2spec) process.stdout.write(`skipped: h2spec against our HTTP/2: ${h2spec.missing}\n`);

describe.skipIf('missing' in h2spec)('the HTTP/2 server', () => {
  const server = new PlainServer();
  beforeAll(() => server.start());
  afterAll(() => server.stop());

  it('passes every case of h2spec, the strict ones too', { timeout: LIMIT_MS }, async () => {
    const binary = 'binary' in h2spec ? h2spec.binary : '';
    const args = ['--strict', '-h', '127.0.0.1', '-p', String(server.port)];
    const report = await new Promise<string>((resolve, reject) => {
      execFile(binary, args, { timeout: LIMIT_MS }, (error, stdout) =>
        error?.killed ? reject(error) : resolve(stdout),
      );
    });
    const [, tests, passed] = /(\d+) tests, (\d+) passed/.exec(report) ?? [];
    expect(report.split('\n').filter((line) => line.includes('×'))).toEqual([]);
    expect(Number(tests)).toBeGreaterThanOrEqual(145);
    expect(passed).toBe(tests);
  });
});
