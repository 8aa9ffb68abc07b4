import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LoadlineError } from '../../base/errors.ts';
import { Child } from './child.ts';
import { type PushCounts, pushCounts } from './push-counts.ts';

const START_TIMEOUT_MS = 30_000;

/** The command that users run too; the same place from src/ and dist/. */
const CLI = join(import.meta.dirname, '../../../bin/loadline.js');

export type LoadlineAddresses = { readonly xds: string; readonly admin: string; readonly http: string };

/** `loadline serve` as a process of its own. */
export class LoadlineProcess {
  readonly child: Child;
  readonly addresses: LoadlineAddresses;

  private constructor(child: Child, addresses: LoadlineAddresses) {
    this.child = child;
    this.addresses = addresses;
  }

  static async start(policyText: string, folder: string): Promise<LoadlineProcess> {
    const policies = join(folder, 'demo.yaml');
    const data = join(folder, 'loadline-data');
    await writeFile(policies, policyText);
    await mkdir(data, { recursive: true });
    const anyPort = '127.0.0.1:0';
    const child = new Child({
      name: 'loadline serve',
      module: CLI,
      args: [
        ...['serve', '--dev', '--policies', policies, '--data', data],
        ...['--xds', anyPort, '--admin', anyPort, '--http', anyPort],
      ],
      logFile: join(folder, 'loadline.log'),
    });
    try {
      return new LoadlineProcess(child, await child.awaitLine(readReady, START_TIMEOUT_MS));
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  async pushes(): Promise<PushCounts> {
    const url = `http://${this.addresses.http}/metrics`;
    const answer = await fetch(url);
    if (!answer.ok) throw new LoadlineError('LOADLINE_LAB', `${url}: ${answer.status}`);
    return pushCounts(await answer.text());
  }
}

/** The server's own word that it listens, and where: a log line in JSON. */
function readReady(line: string): LoadlineAddresses | undefined {
  if (!line.includes('"loadline is ready"')) return undefined;
  const { xds, admin, http } = JSON.parse(line) as Record<string, unknown>;
  return typeof xds === 'string' && typeof admin === 'string' && typeof http === 'string'
    ? { xds, admin, http }
    : undefined;
}
