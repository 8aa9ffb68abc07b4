import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';

/** Leaves a UNIX socket as a process that was killed does: the file is there, and nobody listens. */
export function leaveSocketBehind(path: string): void {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  if (!statSync(path).isSocket()) throw new Error(`${path} is no socket`);
}
