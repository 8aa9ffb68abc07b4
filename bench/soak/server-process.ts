/** The server of the soak, over a world that changes by itself. */
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/base/units/index.ts';
import { startEventLoopLag } from '../../src/edge/observe/index.ts';
import { measuredServer } from '../xds/measured-server.ts';
import type { ServerAnswer, ServerCommand } from './messages.ts';
import { countAlive, takeSample } from './sample.ts';
import { SoakWorld } from './world.ts';

const EDIT_MS = 100;
/** Short, so that a run of minutes sees connections come of age. */
const MAX_CONNECTION_AGE_MS = 60_000;

const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' } } });
const world = new SoakWorld(seededRandom(Number(values.seed)));
const server = await measuredServer(() => world.snapshot, startEventLoopLag(), {
  maxConnectionAgeMs: MAX_CONNECTION_AGE_MS,
});
const address = await server.start();

let edits = 0;
setInterval(() => {
  world.edit();
  edits += 1;
  server.publish();
}, EDIT_MS);
process.on('message', (command: ServerCommand) =>
  say(command === 'alive' ? { kind: 'alive', alive: countAlive() } : { kind: 'sample', sample: takeSample(), edits }),
);
process.on('disconnect', () => process.exit());
say({ kind: 'ready', port: Number(address.split(':').at(-1)) });

function say(answer: ServerAnswer): void {
  process.send?.(answer);
}
