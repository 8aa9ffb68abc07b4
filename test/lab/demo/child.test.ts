import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Child, type ChildOptions } from '../../../src/lab/demo/child.ts';

const folder = mkdtempSync(join(tmpdir(), 'loadline-child-'));
const children: Child[] = [];

afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.stop()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function start(code: string, options: Partial<ChildOptions> = {}): Child {
  const module = join(folder, `${children.length}-${Math.floor(performance.now() * 1000)}.mjs`);
  writeFileSync(module, code);
  const child = new Child({ name: 'a helper', module, logFile: join(folder, 'child.log'), ...options });
  children.push(child);
  return child;
}

const FOREVER = 'setInterval(() => undefined, 1000);';

describe('a child process of the demo', () => {
  it('is ready when it prints the line that is waited for', async () => {
    const child = start(`console.log('starting'); console.log('port 4711'); ${FOREVER}`);
    const port = await child.awaitLine((line) => /port (\d+)/.exec(line)?.[1], 10_000);
    expect(port).toBe('4711');
  });

  it('gets its arguments and can answer over the channel', async () => {
    const child = start(`process.send({ args: process.argv.slice(2) }); ${FOREVER}`, { channel: true, args: ['x y'] });
    expect(await child.awaitMessage(10_000)).toEqual({ args: ['x y'] });
  });

  it('that ends too early is an error that quotes its last words and names its log', async () => {
    const child = start("console.error('the port is taken'); process.exit(3);");
    await expect(child.awaitLine(() => undefined, 10_000)).rejects.toMatchObject({
      code: 'LOADLINE_LAB',
      message: expect.stringMatching(/a helper: ended with code 3 \(log: .*child\.log\).*\n {2}the port is taken/s),
    });
    await expect(child.awaitLine(() => undefined, 10_000)).rejects.toThrow('ended with code 3');
  });

  it('that never gets ready is an error too', async () => {
    const child = start(FOREVER);
    await expect(child.awaitLine(() => undefined, 50)).rejects.toThrow('did not get ready within 50 ms');
  });

  it('is ended by stop, and what it printed is in its log', async () => {
    const child = start(
      `process.on('SIGTERM', () => { console.log('bye'); process.exit(0); }); console.log('up'); ${FOREVER}`,
    );
    await child.awaitLine((line) => (line === 'up' ? true : undefined), 10_000);
    await child.stop();
    expect(await child.exited).toBe('ended with code 0');
    await expect.poll(() => readFileSync(join(folder, 'child.log'), 'utf8')).toMatch(/up\nbye\n$/);
  });

  it('can be stopped twice', async () => {
    const child = start(FOREVER);
    await Promise.all([child.stop(), child.stop()]);
    expect(await child.exited).toMatch(/SIGTERM/);
  });
});
