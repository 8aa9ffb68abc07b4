import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { Place } from '../../../src/lab/modelserver/index.ts';

export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string };

const agent = new Agent({ keepAlive: false });

/** A request whose response headers have arrived; the body comes as it comes. */
export function open(port: number, path: string, body?: unknown, headers = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const method = body === undefined ? 'GET' : 'POST';
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent }, resolve);
    sent.on('error', reject);
    sent.end(text);
  });
}

export async function call(port: number, path: string, body?: unknown, headers = {}): Promise<Answer> {
  const response = await open(port, path, body, headers);
  return { status: response.statusCode as number, headers: response.headers, body: await textOf(response) };
}

export function textOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('end', () => resolve(text));
    response.on('error', reject);
  });
}

/** Reads on until the page has what is looked for; fails after 200 looks. */
export async function until<T>(look: () => Promise<T> | T, seen: (value: T) => boolean): Promise<T> {
  let value = await look();
  for (let looks = 0; looks < 200 && !seen(value); looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    value = await look();
  }
  if (!seen(value)) throw new Error(`not seen after 200 looks; last: ${JSON.stringify(value)}`);
  return value;
}

/** The samples of a page by name and labels, read with the plainest pattern that fits the text format. */
export function samples(page: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([a-zA-Z_:][\w:]*(?:\{.*\})?) (\S+)$/.exec(line);
    if (match === null) throw new Error(`not a sample: ${line}`);
    found.set(match[1] as string, match[2] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[2]));
  }
  return found;
}

export async function metricsOf(place: Place): Promise<Map<string, number>> {
  return samples((await call(place.port, '/metrics')).body);
}

/** The values of all samples of one name, whatever their labels. */
export function valuesOf(page: Map<string, number>, name: string): number[] {
  return [...page].filter(([key]) => key === name || key.startsWith(`${name}{`)).map(([, value]) => value);
}

/** The parsed events of a stream, without the end mark. */
export function eventsOf(stream: string): Record<string, unknown>[] {
  return stream
    .split('\n\n')
    .filter((event) => event !== '' && event !== 'data: [DONE]')
    .map((event) => JSON.parse(event.replace(/^data: /, '')) as Record<string, unknown>);
}
