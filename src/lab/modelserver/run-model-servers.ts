import { readFile } from 'node:fs/promises';
import { LoadlineError } from '../../base/errors.ts';
import { parseFleet } from './fleet-file.ts';
import { startModelServers } from './model-servers.ts';
import type { ServerProfile } from './server-profile.ts';

const DEFAULT_COUNT = 8;

/** The flags of `loadline modelserver`. */
export type RunModelServersOptions = {
  /** Default: as many as the fleet file has, else 8. More than those of the file: its profiles again from the first. */
  readonly count?: number;
  readonly port: number;
  readonly gpuPortOffset: number;
  readonly control: string;
  readonly profileFile?: string;
};

/** Runs model servers until the signal aborts, then closes them. Rejects with LOADLINE_LAB, the file's issues included. */
export async function runModelServers(
  options: RunModelServersOptions,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const profiles = options.profileFile === undefined ? undefined : await readFleet(options.profileFile);
  const running = await startModelServers({
    count: options.count ?? profiles?.length ?? DEFAULT_COUNT,
    firstPort: options.port,
    gpuPortOffset: options.gpuPortOffset,
    control: options.control,
    ...(profiles === undefined ? {} : { profiles }),
  });
  for (const { index, address, port, gpuPort, profile, slots, speed } of running.snapshot()) {
    log(
      `server ${index}: http://${address}:${port} (profile ${profile}, ${slots} slots, speed ${speed}), ` +
        `GPU exporter http://${address}:${gpuPort}/metrics`,
    );
  }
  log(`control: http://${running.controlAddress}/servers, faults: POST /servers/{i}/fault`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await running.stop();
  log('stopped');
}

/** Rejects with LOADLINE_LAB, the file's issues included, each with its position. */
export async function readFleet(file: string): Promise<readonly ServerProfile[]> {
  const content = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new LoadlineError('LOADLINE_LAB', `the fleet file ${file} cannot be read: ${cause.message}`, cause);
  });
  const fleet = parseFleet(content, file);
  if (fleet.ok) return fleet.value;
  const lines = fleet.issues.map(({ position, path, message }) => {
    const where = position === undefined ? file : `${position.file}:${position.line}:${position.column}`;
    return `${where}: ${path === '' ? '' : `${path}: `}${message}`;
  });
  throw new LoadlineError('LOADLINE_LAB', lines.join('\n'));
}
