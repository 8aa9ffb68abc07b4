// Writes to a store as fast as it can, until it is killed. One line for each write before it is begun, and one when it is
// acknowledged; standard output is written synchronously, so what was said was said. Plain JavaScript on the built server: it is
// started a thousand times, and a loader of TypeScript would take most of that time.
import { writeSync } from 'node:fs';
import { seededRandom } from '../../../../dist/base/units/index.js';
import { EmbeddedStore } from '../../../../dist/edge/store/embedded/embedded-store.js';

const WRITERS = 4;
const [folder, run] = process.argv.slice(2);
// Few, so that compaction is killed, too.
const { store } = await EmbeddedStore.open({ folder, limits: { keptRevisions: 20, keptAnswers: 50 } });

/** @param {string} line */
function say(line) {
  writeSync(1, `${line}\n`);
}

/**
 * The three documents of a writer get the same new text, of some pages at times, or go: a state in which they differ is torn.
 * @param {number} writer @param {string} tag @param {() => number} random
 */
function changesOf(writer, tag, random) {
  const gone = random() < 0.1;
  const content = `${tag}\n${'#'.repeat(Math.floor(random() ** 6 * 20_000))}`;
  return ['a', 'b', 'c'].map((part) => {
    const key = { kind: 'ModelService', name: `w${writer}-${part}` };
    return gone ? { operation: 'Delete', ...key } : { operation: 'Put', ...key, content };
  });
}

/** @param {number} writer */
async function write(writer) {
  const random = seededRandom(Number(run) * WRITERS + writer);
  for (let n = 0; ; n++) {
    const tag = `${run}-${writer}-${n}`;
    say(`begun ${tag}`);
    const changes = changesOf(writer, tag, random);
    const outcome = await store.write({ action: 'Apply', author: 'w', reason: tag, changes, idempotencyKey: tag });
    if (outcome.kind !== 'Written') throw new Error(`${tag}: ${JSON.stringify(outcome)}`);
    say(`done ${tag} ${outcome.revision} ${outcome.changed.length}`);
  }
}

say('ready');
await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
