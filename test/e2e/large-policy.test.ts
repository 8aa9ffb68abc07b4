import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { labPolicy } from '../support/lab-policy.ts';
import { loadline } from '../support/loadline.ts';
import { Serve } from '../support/serve.ts';

/** Enough that its one document is read in another thread, of what is compiled. */
const PORTS = Array.from({ length: 1500 }, (_, at) => ({ port: 20_000 + at }));

let serve: Serve | undefined;

afterEach(() => serve?.dispose());

it('a policy that is too large for the thread of the server is applied, told apart and refused with its places', async () => {
  serve = await new Serve(undefined, ['--validate', 'Disabled']).start();
  const file = join(serve.data, 'large.yaml');
  const command = (name: string, ...more: string[]) =>
    loadline(name, '-f', file, '--admin', serve?.admin ?? '', ...more);
  const text = labPolicy(PORTS);
  expect(text.length).toBeGreaterThan(64 * 1024);
  writeFileSync(file, text);
  const applied = await command('apply', '--reason', 'the first');
  expect(applied.stdout + applied.stderr).toMatch(/chat.*created/i);
  await expect.poll(async () => (await serve?.state())?.services.map(({ name }) => name)).toEqual(['chat']);
  writeFileSync(file, text.replace('port: 20700', 'port: 20700, capacity: 2'));
  expect((await command('diff')).stdout).toContain('capacity');
  writeFileSync(file, text.replace('port: 20700', 'port: 99999'));
  const line = text.split('\n').findIndex((one) => one.includes('port: 20700')) + 1;
  const refused = await command('apply', '--reason', 'a mistake');
  expect(refused.stdout + refused.stderr).toMatch(new RegExp(`large\\.yaml:${line}:\\d+.*port.*99999`));
});
