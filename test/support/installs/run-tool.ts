import { spawn } from 'node:child_process';

/** Of what it said, for the error. */
const ERROR_LINES = 12;

/** Ends the whole group at the limit, and when this process ends before it: a build is a tree of processes. */
export function runTool(
  command: string,
  args: readonly string[],
  limitMs: number,
  { cwd, env = {} }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const endGroup = (): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    };
    process.once('exit', endGroup);
    const lines: string[] = [];
    const take = (chunk: Buffer): void => {
      lines.push(...chunk.toString().split('\n'));
      lines.splice(0, Math.max(0, lines.length - ERROR_LINES));
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      endGroup();
    }, limitMs);
    const settle = (): void => {
      clearTimeout(limit);
      process.off('exit', endGroup);
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      settle();
      reject(new Error(error.code === 'ENOENT' ? `${command} is not on PATH` : `${command}: ${error.message}`));
    });
    child.once('close', (code) => {
      settle();
      if (code === 0) resolve();
      else if (late) reject(new Error(`${command} did not end within ${limitMs / 1000} s`));
      else reject(new Error(`${command} ${args[0]} failed:\n${lines.join('\n')}`));
    });
  });
}
