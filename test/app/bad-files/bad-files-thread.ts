import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { PolicyKeeper } from '../../../src/app/policy-keeper.ts';
import { FilePolicies } from '../../../src/app/policy-source.ts';
import { type Issue, seededRandom } from '../../../src/base/units/index.ts';
import { loadPolicy } from '../../../src/core/policy/index.ts';
import { BadFolder } from './bad-folder.ts';

/** What is told after each folder: a thread that tells nothing for long hangs in the next one. */
export type Told = {
  readonly what: string;
  readonly outcome: 'Loaded' | 'Unchanged' | 'Refused';
  /** CPU time of reading and loading. */
  readonly cpuMs: number;
  readonly heapBytes: number;
  /** What is wrong with the answer; it is to be empty. */
  readonly wrong: string;
};

const EXAMPLES = 'docs/examples';
const { count, seed } = workerData as { readonly count: number; readonly seed: number };
const names = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml'));
const texts = names.map((name) => readFileSync(join(EXAMPLES, name), 'utf8'));
const good = texts.filter((text) => loadPolicy([{ name: 'good.yaml', text }]).ok);
const folder = new BadFolder(good, seededRandom(seed), existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
const keeper = new PolicyKeeper();
try {
  folder.makeGood();
  keeper.startWith(await new FilePolicies(folder.path).open(), undefined, 0);
  for (let at = 1; at <= count; at += 1) {
    const { what, path } = folder.makeBad();
    parentPort?.postMessage({ trying: what });
    const before = keeper.loaded?.policy.revision;
    const began = cpuMs();
    const read = await new FilePolicies(path).open();
    const outcome = keeper.take(read, at);
    const told: Told = {
      what,
      outcome,
      cpuMs: cpuMs() - began,
      heapBytes: process.memoryUsage().heapUsed,
      wrong: outcome === 'Refused' ? wrongIn(keeper.problems, before) : '',
    };
    parentPort?.postMessage(told);
  }
  folder.makeGood();
  const outcome = keeper.take(await new FilePolicies(folder.path).open(), count + 1);
  if (outcome === 'Refused') throw new Error('the good policy is refused after the bad ones');
} finally {
  folder.remove();
}

/** Refused means: it is said why and where, and what was in force still is. */
function wrongIn(problems: readonly Issue[], before: string | undefined): string {
  if (keeper.loaded?.policy.revision !== before) return 'the last good policy is gone';
  if (problems.length === 0) return 'it is refused without a word';
  const bare = problems.find(({ code, position }) => code !== 'POLICY_UNREADABLE' && (position?.line ?? 0) < 1);
  if (bare !== undefined) return `no place: ${JSON.stringify(bare)}`;
  const long = problems.find(({ message, path }) => message.length > 1500 || /\p{Cc}/u.test(message + path));
  return long === undefined ? '' : `it is not fit to print: ${JSON.stringify(long).slice(0, 500)}`;
}

/** Of this thread, on Linux; elsewhere the time that has passed. */
function cpuMs(): number {
  const path = '/proc/thread-self/schedstat';
  return existsSync(path) ? Number(readFileSync(path, 'utf8').split(' ')[0]) / 1e6 : performance.now();
}
