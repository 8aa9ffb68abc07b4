import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { LoadlineError } from '../../base/errors.ts';
import { type Fault, parseFault } from './fault.ts';
import { readBody } from './read-body.ts';
import type { ServerStatus } from './server-status.ts';

const BODY_LIMIT_BYTES = 64 * 1024;
const USAGE = 'GET /servers, GET /servers/{i}, POST /servers/{i}/fault';

/** What the control API steers. `fault` rejects with LOADLINE_LAB when a crashed server cannot open its port again. */
export interface Fleet {
  readonly size: number;
  snapshot(): readonly ServerStatus[];
  fault(index: number, fault: Fault): Promise<void>;
}

/** The API on `--control`: who is there, and what is to go wrong. Errors are `{ error }` and say what is allowed. */
export function controlApi(fleet: Fleet): RequestListener {
  return (request, response) => {
    const path = (request.url ?? '/').split('?')[0] as string;
    const match = /^\/servers(?:\/([^/]+)(\/fault)?)?\/?$/.exec(path);
    if (match === null) return answer(response, 404, { error: `there is no ${path}; there is ${USAGE}` });
    const [, indexText, faultPath] = match;
    const method = faultPath === undefined ? 'GET' : 'POST';
    if (request.method !== method) {
      response.setHeader('allow', method);
      return answer(response, 405, { error: `${path} takes ${method}; there is ${USAGE}` });
    }
    if (indexText === undefined) return answer(response, 200, fleet.snapshot());
    const index = /^\d{1,6}$/.test(indexText) ? Number(indexText) : Number.NaN;
    if (!(index < fleet.size)) {
      const error = `there is no server "${indexText}"; allowed are 0 to ${fleet.size - 1}`;
      return answer(response, 404, { error });
    }
    if (faultPath === undefined) return answer(response, 200, fleet.snapshot()[index]);
    setFault(fleet, index, request, response);
  };
}

function setFault(fleet: Fleet, index: number, request: IncomingMessage, response: ServerResponse): void {
  readBody(request, BODY_LIMIT_BYTES)
    .then(async (body) => {
      if (body === undefined) return answer(response, 413, { error: `longer than ${BODY_LIMIT_BYTES} bytes` });
      const json = parseJson(body);
      if (!json.ok) return answer(response, 400, { error: `the body is not JSON: ${json.reason}` });
      const parsed = parseFault(json.value);
      if (!parsed.ok) {
        return answer(response, 400, { error: parsed.issues.map(({ message }) => message).join('; ') });
      }
      await fleet.fault(index, parsed.value);
      answer(response, 200, fleet.snapshot()[index]);
    })
    .catch((error: unknown) => {
      if (response.destroyed) return;
      answer(response, error instanceof LoadlineError ? 503 : 500, { error: (error as Error).message });
    });
}

function parseJson(
  body: string,
): { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string } {
  try {
    return { ok: true, value: JSON.parse(body) };
  } catch (error) {
    return { ok: false, reason: (error as Error).message };
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
