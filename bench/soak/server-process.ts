/** The server of the soak, as bench/xds/loadline-process.ts has it, over a world that changes by itself. */
import { parseArgs } from 'node:util';
import { destination } from 'pino';
import { seededRandom } from '../../src/base/units/index.ts';
import { createLog, Metrics, startEventLoopLag } from '../../src/edge/observe/index.ts';
import { XdsServer } from '../../src/edge/xds/index.ts';
import type { ServerAnswer } from './messages.ts';
import { takeSample } from './sample.ts';
import { SoakWorld } from './world.ts';

const EDIT_MS = 100;
/** Short, so that a run of minutes sees connections come of age. */
const MAX_CONNECTION_AGE_MS = 60_000;

const { values } = parseArgs({ options: { seed: { type: 'string', default: '1' } } });
const world = new SoakWorld(seededRandom(Number(values.seed)));
const log = await createLog({ level: 'info', destination: destination('/dev/null'), pretty: false });
const metrics = new Metrics({ version: 'soak', view: () => undefined, eventLoopLag: startEventLoopLag() });
const server = new XdsServer({
  address: '127.0.0.1:0',
  snapshots: { groups: () => ['lab'], snapshot: () => world.snapshot },
  inbox: { presence: () => {}, report: () => {}, delivery: () => {} },
  meter: {
    pushed: (type, group, resources) => metrics.pushed(type, group, resources),
    answered: (type, latencyMs, nacked) => (nacked ? metrics.nacked(type, latencyMs) : metrics.acked(type, latencyMs)),
    streams: (kind, open) => metrics.streams(kind, open),
    reported: () => metrics.loadReport(),
  },
  log: {
    info: (fields, message) => log.info({ ...fields }, message),
    warn: (fields, message) => log.warn({ ...fields }, message),
    debug: (fields, message) => log.debug({ ...fields }, message),
  },
  now: () => Date.now(),
  loadReportIntervalMs: 1000,
  maxConnectionAgeMs: MAX_CONNECTION_AGE_MS,
});
const address = await server.start();

let edits = 0;
setInterval(() => {
  world.edit();
  edits += 1;
  server.publish();
}, EDIT_MS);
process.on('message', () => say({ kind: 'sample', sample: takeSample(), edits }));
process.on('disconnect', () => process.exit());
say({ kind: 'ready', port: Number(address.split(':').at(-1)) });

function say(answer: ServerAnswer): void {
  process.send?.(answer);
}
