/** The churn of the soak, in a process of its own: its garbage must not be the server's. */
import { parseArgs } from 'node:util';
import { seededRandom } from '../../src/base/units/index.ts';
import type { Tally } from './messages.ts';
import { startSideCalls } from './side-calls.ts';
import { SoakStream } from './soak-stream.ts';

const RAMP_MS = 5000;

const { values } = parseArgs({
  options: { port: { type: 'string' }, streams: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const port = Number(values.port);
const streams = Number(values.streams);
const random = seededRandom(Number(values.seed) + 1);
const tally: Tally = { connects: 0, responses: 0, nacks: 0, stalls: 0, calls: 0, ended: {} };

for (let place = 0; place < streams; place += 1) {
  const stream = new SoakStream(port, place, random, tally);
  setTimeout(() => stream.connect(), random() * RAMP_MS);
}
startSideCalls(port, random, tally);
process.on('message', () => process.send?.(tally));
process.on('disconnect', () => process.exit());
