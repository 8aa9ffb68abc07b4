import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** HTTP servers that answer everything at once, with the shortest stream that the lab's generator takes for complete. */
export type Backends = { readonly ports: readonly number[]; stop(): Promise<void> };

/** In one process of their own: at 500 requests a second they would take the time of what is tested. */
export async function startBackends(count: number): Promise<Backends> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'backends-process.js'), String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let text = '';
  while (!text.endsWith('\n')) {
    const [chunk] = await Promise.race([once(child.stdout, 'data'), exited]);
    if (!Buffer.isBuffer(chunk)) throw new Error(`the backends ended (${chunk})`);
    text += chunk;
  }
  return {
    ports: JSON.parse(text) as number[],
    stop: async () => {
      child.stdin.end();
      await exited;
    },
  };
}
