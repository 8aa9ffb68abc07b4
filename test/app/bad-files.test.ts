import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { Told } from './bad-files/bad-files-thread.ts';

const LONG = process.env.LOADLINE_TEST_LONG !== undefined;
/** `npm run test:long` tries 10,000. */
const FOLDERS = LONG ? 10_000 : 60;
/** Without a word for so long it hangs. A second of CPU is what one may take; the machine may be busy with others. */
const HANGS_MS = 60_000;
const MEMORY_MIB = 512;
const SLOWEST = 5;

/** Reads bad folders in a thread of its own, which can be ended when it hangs, and whose memory is bounded. */
function readBadFolders(count: number, seed: number): Promise<readonly Told[]> {
  const entry = pathToFileURL(join(import.meta.dirname, 'bad-files/bad-files-thread.ts')).href;
  const script = `import('tsx/esm/api').then(({ register }) => { register(); return import('${entry}'); });`;
  const worker = new Worker(script, {
    eval: true,
    execArgv: [],
    workerData: { count, seed },
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MIB },
  });
  const told: Told[] = [];
  let trying = 'nothing yet';
  return new Promise<readonly Told[]>((resolve, reject) => {
    const hangs = () => reject(new Error(`it hangs in folder ${told.length + 1}: ${trying}`));
    let timer = setTimeout(hangs, HANGS_MS);
    worker.on('message', (message: Told | { readonly trying: string }) => {
      clearTimeout(timer);
      timer = setTimeout(hangs, HANGS_MS);
      if ('trying' in message) trying = message.trying;
      else told.push(message);
    });
    worker.once('error', (error) => reject(new Error(`in folder ${told.length + 1} (${trying}): ${error.message}`)));
    worker.once('exit', () => {
      clearTimeout(timer);
      resolve(told);
    });
  }).finally(() => worker.terminate());
}

it(`${FOLDERS} bad folders of policies are each answered, and the last good policy stays`, async () => {
  const told = await readBadFolders(FOLDERS, 20_261);
  expect(told.length).toBe(FOLDERS);
  expect(told.filter(({ wrong }) => wrong !== '').slice(0, 5)).toEqual([]);
  const refused = told.filter(({ outcome }) => outcome === 'Refused').length;
  // Most must be bad, and some not: else it is not the loader that is tried.
  expect(refused).toBeGreaterThan(FOLDERS / 2);
  expect(refused).toBeLessThan(FOLDERS);
  const heapMiB = Math.max(...told.map(({ heapBytes }) => heapBytes)) / 2 ** 20;
  const slowest = told.toSorted((a, b) => b.cpuMs - a.cpuMs).slice(0, SLOWEST);
  const words = slowest.map(({ what, cpuMs }) => `${cpuMs.toFixed(0)} ms (${what})`).join(', ');
  process.stdout.write(
    `policy files: ${FOLDERS} bad folders, ${refused} refused, slowest by CPU ${words}; heap at most ${heapMiB.toFixed(0)} MiB\n`,
  );
}, 3_600_000);
