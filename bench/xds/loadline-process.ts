/**
 * Our server as a process of the bench. It speaks the line protocol of bench/peers: `ready PORT`, then `change K` on standard
 * input, answered with `changed K`; and `lag`, answered with the event loop's p99 in milliseconds since the reading before.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { startEventLoopLag } from '../../src/edge/observe/index.ts';
import type { XdsServerOptions } from '../../src/edge/xds/index.ts';
import { measuredServer } from './measured-server.ts';
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
const server = await measuredServer(() => world.snapshot, lag, tlsOptions(values.cert, values.key, values.ca));
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
