import { join, resolve } from 'node:path';
import { LoadlineError } from '../../base/errors.ts';
import { errorCode } from './error-code.ts';
import type { FileSystem } from './file-system.ts';
import type { ProcessTable } from './process-table.ts';

export interface DataLock {
  release(): Promise<void>;
}

type Owner = { readonly pid: number; readonly host: string; readonly birth?: string };

const LOCK = 'lock';
/** Tries against others that take over the same stale lock at the same moment. */
const ATTEMPTS = 5;

/** Directories that this very process holds: its own process id in a lock file proves nothing about itself. */
const held = new Set<string>();

/**
 * One server per data directory. The lock is a file with the owner's process id and start time, because Node has no
 * flock: after a SIGKILL the restart sees that the owner is gone and takes over at once, also when the id has been given to
 * another process since (in a container it is always 1). The file appears with its content in one step (link), so that a
 * half-written lock does not exist. A lock from another host cannot be judged and is taken over: a volume that moves with
 * a container must not refuse its next owner, and two hosts on one volume would be a mistake of the deployment.
 *
 * @throws LoadlineError LOADLINE_STORE when a live server holds the directory
 */
export async function acquireDataLock(folder: string, fs: FileSystem, processes: ProcessTable): Promise<DataLock> {
  const path = join(resolve(folder), LOCK);
  if (held.has(path)) throw inUse(folder, 'this process', path);
  const mine = join(folder, `${LOCK}.${processes.pid}`);
  const birth = processes.birthOf(processes.pid);
  const owner: Owner = { pid: processes.pid, host: processes.host, ...(birth === undefined ? {} : { birth }) };
  const content = new TextEncoder().encode(`${JSON.stringify(owner)}\n`);
  await fs.writeAndSync(mine, content);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (await linked(fs, mine, path)) {
        held.add(path);
        return { release: () => release(fs, path, content) };
      }
      const text = await readOrUndefined(fs, path);
      if (text === undefined) continue;
      const other = parseOwner(text);
      if (other !== undefined && isLive(other, processes)) throw inUse(folder, `process ${other.pid}`, path);
      await removeStale(fs, path, text, `${mine}.stale`);
    }
  } finally {
    await discard(fs, mine);
  }
  throw new LoadlineError('LOADLINE_STORE', `data directory ${folder}: the lock ${path} changes hands all the time`);
}

function inUse(folder: string, who: string, path: string): LoadlineError {
  const message = `data directory ${folder} is in use by ${who} (${path}); use another one with --data, or end that server`;
  return new LoadlineError('LOADLINE_STORE', message);
}

function isLive(owner: Owner, processes: ProcessTable): boolean {
  if (owner.host !== processes.host || owner.pid === processes.pid || !processes.isAlive(owner.pid)) return false;
  const birth = processes.birthOf(owner.pid);
  return owner.birth === undefined || birth === undefined || owner.birth === birth;
}

/**
 * Takes a stale lock away by its name alone, then looks at what was taken: when another server took over in between, that
 * was its fresh lock, and it goes back.
 */
async function removeStale(fs: FileSystem, path: string, stale: string, aside: string): Promise<void> {
  try {
    await fs.rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readOrUndefined(fs, aside)) !== stale) await linked(fs, aside, path);
  await fs.remove(aside);
}

/** A scratch file that stays is overwritten by the next server of its id; that is no reason to refuse the directory. */
async function discard(fs: FileSystem, path: string): Promise<void> {
  await fs.remove(path).catch(() => undefined);
}

async function release(fs: FileSystem, path: string, content: Uint8Array): Promise<void> {
  held.delete(path);
  const text = await readOrUndefined(fs, path);
  if (text === new TextDecoder().decode(content)) await fs.remove(path);
}

async function linked(fs: FileSystem, from: string, to: string): Promise<boolean> {
  try {
    await fs.link(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readOrUndefined(fs: FileSystem, path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await fs.read(path));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** undefined when the file is not one of ours: nobody can be alive behind it. */
function parseOwner(text: string): Owner | undefined {
  try {
    const { pid, host, birth } = JSON.parse(text) as Partial<Owner>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0 || typeof host !== 'string') return undefined;
    return { pid, host, ...(typeof birth === 'string' ? { birth } : {}) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
