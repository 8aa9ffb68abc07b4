import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { within } from './clock.ts';

const EXIT_LIMIT_MS = 5000;
const running = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

/** Makes sure that the child does not outlive the bench, however that ends. */
export function track<T extends ChildProcess>(child: T): T {
  running.add(child);
  for (const event of ['exit', 'error'] as const) child.once(event, () => running.delete(child));
  return child;
}

export async function end(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return;
  const gone = once(child, 'exit');
  // What is measured is over, and a graceful end of 5,000 streams takes longer than it is worth.
  child.kill('SIGKILL');
  await within(EXIT_LIMIT_MS, `exit of process ${child.pid}`, gone);
}
