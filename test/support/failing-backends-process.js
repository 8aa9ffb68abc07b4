// HTTP servers that do what they are told: `node failing-backends-process.js COUNT`. Prints their ports as one line of JSON, then a
// line for each command on its standard input ({"mode", "index"}), and ends when that does.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const EVENT = 'data: {"choices":[{"text":"ok"}]}\n\n';
const ANSWER = `${EVENT}data: [DONE]\n\n`;
const STREAM_MS = 3000;
const SLOW_MS = 1000;
const STATUS = { Busy: 503, Full: 429 };
const modes = Array.from({ length: Number(process.argv[2]) }, () => 'Well');

const servers = modes.map((_, index) =>
  createServer((request, response) => {
    request.resume();
    const mode = modes[index];
    const answer = () => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(ANSWER);
    };
    if (mode in STATUS || (mode === 'Unwell' && request.url === '/health')) {
      response.writeHead(STATUS[mode] ?? 503, { 'content-type': 'application/json' });
      response.end('{"error":{"message":"told to fail"}}');
    } else if (mode === 'Slow') setTimeout(answer, SLOW_MS);
    else if (mode === 'Streams') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(EVENT);
      const more = setInterval(() => response.write(EVENT), STREAM_MS / 20);
      setTimeout(() => {
        clearInterval(more);
        response.end(ANSWER);
      }, STREAM_MS);
    } else if (mode === 'CutAnswers') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(EVENT, () => setTimeout(() => response.destroy(), 20));
    } else answer();
  }),
);
for (const server of servers) {
  server.keepAliveTimeout = 0;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}
process.stdout.write(`${JSON.stringify(servers.map((server) => server.address().port))}\n`);
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { mode, index } = JSON.parse(line);
    for (let i = 0; i < modes.length; i += 1) if (index === undefined || index === i) modes[i] = mode;
    process.stdout.write('done\n');
  })
  .on('close', () => process.exit(0));
