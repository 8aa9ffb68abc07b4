import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';

const LIMIT_MS = 10_000;

/** What a client of gRPC saw of a call. */
export type Outcome = {
  readonly headers: IncomingHttpHeaders;
  /** Absent where the headers were all (trailers-only), and where the call was cut off. */
  readonly trailers?: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly rstCode: number;
};

export type CallOptions = {
  readonly headers?: OutgoingHttpHeaders;
  /** Written one after the other as they are, prefix included. */
  readonly chunks?: readonly Buffer[];
  /** Leaves its own side open. */
  readonly staysOpen?: boolean;
};

/** Makes a call and waits for its end. */
export function call(session: ClientHttp2Session, path: string, options: CallOptions = {}): Promise<Outcome> {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...options.headers,
  });
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  const body: Buffer[] = [];
  stream.on('response', (came) => {
    headers = came;
  });
  stream.on('trailers', (came) => {
    trailers = came;
  });
  stream.on('data', (chunk: Buffer) => body.push(chunk));
  stream.on('error', () => undefined);
  for (const chunk of options.chunks ?? []) stream.write(chunk);
  if (options.staysOpen !== true) stream.end();
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${path} has not ended within ${LIMIT_MS} ms`)), LIMIT_MS);
    stream.on('close', () => {
      clearTimeout(late);
      const rest = trailers === undefined ? {} : { trailers };
      resolve({ headers, ...rest, body: Buffer.concat(body), rstCode: stream.rstCode ?? 0 });
    });
  });
}

/** Status and message of an outcome, wherever they travelled; the message as it is on the wire. */
export function statusOf({ headers, trailers }: Outcome): { readonly status: string; readonly message: string } {
  const from = trailers ?? headers;
  return { status: String(from['grpc-status'] ?? 'none'), message: String(from['grpc-message'] ?? '') };
}
