// Small HTTP servers in a process of their own: `node backends-process.js COUNT`. Prints their ports as one line of JSON and
// ends when its standard input does, so it cannot outlive the test that started it. A path `/stream/N` is a stream of N seconds.
import { createServer } from 'node:http';

const ANSWER = 'data: {"choices":[{"text":"ok"}]}\n\ndata: [DONE]\n\n';

const servers = Array.from({ length: Number(process.argv[2]) }, () =>
  createServer((request, response) => {
    request.resume();
    const { port } = response.socket.address();
    const seconds = Number(/^\/stream\/(\d+)$/.exec(request.url)?.[1] ?? 0);
    if (seconds > 0) return stream(response, seconds);
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'content-length': ANSWER.length,
      'x-backend': String(port),
    });
    response.end(ANSWER);
  }),
);
/** An event twice a second, and the end of a stream that was not cut. */
function stream(response, seconds) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let left = 2 * seconds;
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) return response.write('data: {"choices":[{"text":"ok"}]}\n\n');
    clearInterval(timer);
    return response.end('data: [DONE]\n\n');
  }, 500);
  response.on('close', () => clearInterval(timer));
}

for (const server of servers) {
  // A connection that the server closes just when a request comes would be a failure of the test's own making.
  server.keepAliveTimeout = 0;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}
process.stdout.write(`${JSON.stringify(servers.map((server) => server.address().port))}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
