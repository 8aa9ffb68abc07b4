import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { commandLine } from '../../core/resources/index.ts';
import { endWithParent } from './child-registry.ts';
import { type EnvoyExit, EnvoyProcess } from './envoy-process.ts';
import { LogTail } from './log-tail.ts';

export type StartOptions = {
  readonly binary: string;
  /** With an admin interface; port 0 is fine. */
  readonly bootstrap: JsonObject;
  readonly logLevel?: 'trace' | 'debug' | 'info' | 'warning' | 'error' | 'critical' | 'off';
  /** Worker threads. */
  readonly concurrency?: number;
  readonly drainTimeSec?: number;
  readonly onLogLine?: (line: string) => void;
};

const START_TIMEOUT_MS = 20_000;
const POLL_MS = 20;

/**
 * Starts an Envoy and returns as soon as its admin interface listens (see `EnvoyProcess.ready` for its configuration).
 * It ends with this process. Throws LOADLINE_ENVOY_FAILED with the last log lines when it does not come up.
 */
export async function startEnvoy(options: StartOptions): Promise<EnvoyProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'loadline-envoy-'));
  const configPath = join(folder, 'bootstrap.json');
  const adminAddressPath = join(folder, 'admin-address');
  await writeFile(configPath, JSON.stringify(options.bootstrap));

  const [, ...args] = commandLine({
    configPath,
    adminAddressPath,
    logLevel: options.logLevel ?? 'warning',
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    ...(options.drainTimeSec === undefined ? {} : { drainTimeSec: options.drainTimeSec }),
  });
  const child = spawn(options.binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  endWithParent(child);
  const log = new LogTail(options.onLogLine);
  log.follow(child.stdout);
  log.follow(child.stderr);

  let spawnError: Error | undefined;
  // `close` comes after the last line of output, so that errors can quote it.
  const exited = new Promise<EnvoyExit>((resolve) => {
    child.once('error', (error) => {
      spawnError = error;
      resolve({ code: null, signal: null });
    });
    child.once('close', (code, signal) => resolve({ code, signal }));
  }).finally(() => rm(folder, { recursive: true, force: true }));
  let ended: EnvoyExit | undefined;
  exited.then((exit) => {
    ended = exit;
  });

  for (let waited = 0; waited < START_TIMEOUT_MS && ended === undefined; waited += POLL_MS) {
    const admin = await readAddress(adminAddressPath);
    if (admin !== undefined) return new EnvoyProcess(child, admin, exited, log);
    await sleep(POLL_MS);
  }
  const exit = ended;
  if (exit === undefined) child.kill('SIGKILL');
  await exited;
  const what =
    spawnError !== undefined
      ? `cannot be started: ${(spawnError as Error).message}`
      : exit === undefined
        ? `has no admin address after ${START_TIMEOUT_MS} ms`
        : `ended while starting (${exit.signal ?? `code ${exit.code}`})`;
  const lines = log.last(12).map((line) => `\n  ${line}`);
  throw new LoadlineError('LOADLINE_ENVOY_FAILED', `${options.binary} ${what}${lines.join('')}`, spawnError);
}

// Envoy writes the file in one go, but a reader may come between open and write.
async function readAddress(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return text === '' ? undefined : text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
