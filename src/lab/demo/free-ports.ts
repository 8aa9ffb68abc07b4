import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { LoadlineError } from '../../base/errors.ts';

/** Below the range from which systems take the local ports of outgoing connections: nobody else takes one meanwhile. */
const RANGE = { from: 10_240, to: 32_000 };
const TRIES_PER_PORT = 50;

/** Ports on 127.0.0.1 that were free a moment ago, for processes that are told where to listen. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > count * TRIES_PER_PORT) throw new LoadlineError('LOADLINE_LAB', `No ${count} free ports were found.`);
    const port = randomInt(RANGE.from, RANGE.to);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
