/**
 * Our server as a process of the bench: XdsServer with the metrics and the log of the product, and nothing else. It speaks
 * the line protocol of bench/peers: `ready PORT`, then `change K` on standard input, answered with `changed K`; and `lag`,
 * answered with the event loop's p99 in milliseconds since the reading before.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { destination } from 'pino';
import { createLog, Metrics, startEventLoopLag } from '../../src/edge/observe/index.ts';
import { XdsServer, type XdsServerOptions } from '../../src/edge/xds/index.ts';
import { parseShape } from './shape.ts';
import { World } from './world.ts';

const { values } = parseArgs({
  // One dash before a long name, as the Go peers take it.
  args: process.argv.slice(2).map((arg) => arg.replace(/^-(?=[a-z])/, '--')),
  options: {
    shape: { type: 'string', default: '10x8' },
    cert: { type: 'string' },
    key: { type: 'string' },
    ca: { type: 'string' },
  },
});

const world = new World(parseShape(values.shape));
const lag = startEventLoopLag();
const log = await createLog({ level: 'info', destination: destination('/dev/null'), pretty: false });
const metrics = new Metrics({ version: 'bench', view: () => undefined, eventLoopLag: lag });
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
  ...tlsOptions(values.cert, values.key, values.ca),
});
const address = await server.start();
say(`ready ${address.split(':').at(-1)}`);

for await (const line of createInterface({ input: process.stdin })) {
  const [word, number] = line.split(' ');
  if (word === 'change') {
    world.change(Number(number));
    server.publish();
    say(`changed ${number}`);
  } else if (word === 'lag') say(`lag ${lag.read().p99Ms}`);
  else throw new Error(`unknown command '${line}'`);
}
process.exit();

function tlsOptions(cert = '', key = '', ca = ''): Pick<XdsServerOptions, 'tls'> {
  if (cert === '') return {};
  const pem = (file: string): string => readFileSync(file, 'utf8');
  return { tls: { cert: pem(cert), key: pem(key), ca: pem(ca) } };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
