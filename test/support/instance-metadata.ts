import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The instance metadata service of a cloud, as far as it tells of interruptions. */
export type FakeMetadata = {
  readonly url: string;
  /** Requests so far: method and path. */
  readonly asked: string[];
  /** From now on the machine is to go away then. */
  interrupt(action: string, atMs: number): void;
  /** Tokens that were given are refused. */
  forgetTokens(): void;
  stop(): Promise<void>;
};

export async function startMetadata(): Promise<FakeMetadata> {
  const asked: string[] = [];
  let body: string | undefined;
  let count = 0;
  let token = '';
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const answer = (status: number, text = ''): void => void response.writeHead(status).end(text);
    if (request.method === 'PUT' && request.url === '/latest/api/token') {
      if (Number(request.headers['x-aws-ec2-metadata-token-ttl-seconds']) > 0) {
        count += 1;
        token = `token-${count}`;
        answer(200, token);
      } else answer(400);
    } else if (request.headers['x-aws-ec2-metadata-token'] !== token || token === '') answer(401);
    else if (request.url === '/latest/meta-data/instance-id') answer(200, 'i-0123456789abcdef0');
    else if (request.url === '/latest/meta-data/spot/instance-action' && body !== undefined) answer(200, body);
    else answer(404, '<html>Not Found</html>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    interrupt: (action, atMs) => {
      body = JSON.stringify({ action, time: new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z') });
    },
    forgetTokens: () => {
      token = '';
    },
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
