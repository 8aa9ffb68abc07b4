import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { LoadlineError } from '../../base/errors.ts';
import { formatAddress, isLoopback, parseAddress } from '../../base/units/index.ts';
import { removeStaleSocket } from '../listen/index.ts';
import { forLoopback } from './http-answer.ts';
import { answer, type HttpScope, type HttpSources } from './http-routes.ts';
import type { Log } from './log.ts';
import { NOTICE_PATH, NoticeHook } from './notice-hook.ts';

export type HttpServerOptions = HttpSources & {
  /** `HOST:PORT` or `unix:PATH`; port 0 takes a free one. */
  readonly address: string;
  readonly log: Log;
};

export interface HttpServer {
  /** As it listens, with the port that was taken. */
  readonly address: string;
  /** Stops listening, gives answers under way a moment, and ends every connection. */
  close(): Promise<void>;
}

/** What a monitoring system needs, and far below what would hurt the control loop in the same process. */
const LIMITS = {
  maxHeaderBytes: 8 * 1024,
  maxUrlCharacters: 2048,
  maxConnections: 256,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 15_000,
  closeGraceMs: 1_000,
};

/**
 * The HTTP side: metrics, health, state, all of it read-only, and the hook for notices. Node's own server, because there is next to
 * nothing to route: GET and HEAD of a handful of fixed paths, and one POST. It is plaintext, so beyond loopback it has only what
 * monitoring needs.
 *
 * @throws LoadlineError LOADLINE_CONFIG for an address that is none, LOADLINE_BIND when it cannot be listened on
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const parsed = parseAddress(options.address);
  if (!parsed.ok) throw new LoadlineError('LOADLINE_CONFIG', `HTTP ${parsed.issues[0]?.message}`);
  const scope: HttpScope = isLoopback(parsed.value) ? 'All' : 'Monitoring';
  const hook = options.notices === undefined ? undefined : new NoticeHook(options.notices);
  const server = createServer(
    {
      maxHeaderSize: LIMITS.maxHeaderBytes,
      headersTimeout: LIMITS.headersTimeoutMs,
      requestTimeout: LIMITS.requestTimeoutMs,
      keepAliveTimeout: LIMITS.keepAliveTimeoutMs,
    },
    (request, response) => void serve(request, response, options, scope, hook),
  );
  server.maxConnections = LIMITS.maxConnections;
  server.on('clientError', refuseBrokenRequest);
  if (parsed.value.kind === 'unix') await removeStaleSocket(parsed.value.path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new LoadlineError('LOADLINE_BIND', `HTTP cannot listen on ${options.address}: ${cause.message}`, cause)),
    );
    const ready = (): void => resolve();
    if (parsed.value.kind === 'unix') server.listen(parsed.value.path, ready);
    else server.listen(parsed.value.port, parsed.value.host, ready);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => options.log.error({ err: error }, 'http server failed'));
  const address =
    parsed.value.kind === 'unix'
      ? options.address
      : formatAddress({ ...parsed.value, port: (server.address() as AddressInfo).port });
  return { address, close: () => close(server) };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions,
  scope: HttpScope,
  hook: NoticeHook | undefined,
): Promise<void> {
  try {
    // A body has a meaning for one path alone; a connection that brings one is not worth keeping.
    const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length']) > 0;
    const url = request.url ?? '/';
    const { status, type, body, headers } =
      url.length > LIMITS.maxUrlCharacters
        ? { status: 414, type: 'text/plain; charset=utf-8', body: 'The URL is too long.\n', headers: {} }
        : hook !== undefined && url === NOTICE_PATH
          ? await (scope === 'All' ? hook.answer(request) : forLoopback(NOTICE_PATH, 'Operations.GiveNotice'))
          : await answer(request.method ?? 'GET', url, options, scope);
    const bytes = Buffer.from(body);
    response.writeHead(status, {
      'content-type': type,
      'content-length': bytes.length,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
      ...(hasBody ? { connection: 'close' } : {}),
    });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  } catch (error) {
    options.log.error({ err: error, path: request.url }, 'http request failed');
    if (response.headersSent) response.destroy();
    else
      response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end('Internal error; the log has it.\n');
  }
}

function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), LIMITS.closeGraceMs);
  await closed;
  clearTimeout(late);
}
