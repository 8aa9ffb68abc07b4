import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ApiClient } from '../../../src/edge/kubernetes/api-client.ts';
import { Pki } from '../pki.ts';

export type FakeTaint = { readonly key: string; readonly value?: string };
/** What a step of the server does in the place of what it should. */
export type Failure = (response: ServerResponse, step: 'Request' | 'Line') => void;

/** The API of a cluster with one node, as far as an agent reads it: lists and watches, over TLS, for whoever has the token. */
export class FakeKubernetes {
  /** Requests so far. */
  readonly asked: URL[] = [];
  token = 'token-1';
  /** Called before each request is answered and each line is sent; what it returns happens instead. */
  fail: () => Failure | undefined = () => undefined;
  readonly url: string;
  readonly caFile: string;
  readonly tokenFile: string;
  readonly #pki: Pki;
  readonly #close: () => Promise<void>;
  readonly #name: string;
  #node: Record<string, unknown> | undefined;
  #version = 100;
  #oldest = 100;
  #history: { readonly version: number; readonly line: string }[] = [];
  readonly #watchers = new Set<ServerResponse>();

  private constructor(name: string, pki: Pki, port: number, close: () => Promise<void>) {
    this.#name = name;
    this.#pki = pki;
    this.url = `https://127.0.0.1:${port}`;
    this.caFile = pki.write('kubernetes-ca.crt', pki.authority.cert);
    this.tokenFile = pki.write('token', `${this.token}\n`);
    this.#close = close;
    this.taint([]);
  }

  static async start(name = 'gpu-7'): Promise<FakeKubernetes> {
    const pki = await Pki.create();
    const { cert, key } = await pki.issue();
    let fake: FakeKubernetes | undefined;
    const server = createServer({ cert, key }, (request, response) => fake?.answer(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    fake = new FakeKubernetes(name, pki, port, () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    });
    return fake;
  }

  client(): ApiClient {
    return new ApiClient({ url: this.url, token: async () => this.token, ca: async () => this.#pki.authority.cert });
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** The node has these taints from now on. */
  taint(taints: readonly FakeTaint[]): void {
    const isNew = this.#node === undefined;
    this.#version += 1;
    const metadata = { name: this.#name, resourceVersion: String(this.#version) };
    this.#node = { kind: 'Node', metadata, spec: { taints } };
    this.#tell(isNew ? 'ADDED' : 'MODIFIED', this.#node);
  }

  removeNode(): void {
    this.#version += 1;
    this.#tell('DELETED', { ...this.#node, metadata: { resourceVersion: String(this.#version) } });
    this.#node = undefined;
  }

  bookmark(): void {
    this.#tell('BOOKMARK', { kind: 'Node', metadata: { resourceVersion: String(this.#version) } });
  }

  /** Old versions are not known any more, and nobody hears of it but who asks. */
  compact(): void {
    this.#version += 1;
    this.#oldest = this.#version;
    this.#history = [];
  }

  /** Another token is right from now on. */
  renewToken(token: string): void {
    this.token = token;
    writeFileSync(this.tokenFile, token);
  }

  /** Every watch ends, as it does after its time. */
  endWatches(): void {
    for (const one of [...this.#watchers]) {
      this.#watchers.delete(one);
      one.end();
    }
  }

  /** Their connections break. */
  cut(): void {
    for (const one of [...this.#watchers]) one.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    await this.#close();
    this.#pki.dispose();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', this.url);
    this.asked.push(url);
    const failure = this.fail();
    if (failure !== undefined) failure(response, 'Request');
    else if (request.headers.authorization !== `Bearer ${this.token}`) status(response, 401, 'Unauthorized');
    else if (url.pathname !== '/api/v1/nodes') status(response, 404, 'the server could not find the resource');
    else if (url.searchParams.get('fieldSelector') !== `metadata.name=${this.#name}`)
      status(response, 403, 'all nodes');
    else if (url.searchParams.get('watch') === '1')
      this.#watch(Number(url.searchParams.get('resourceVersion')), response);
    else {
      const items = this.#node === undefined ? [] : [this.#node];
      response.end(JSON.stringify({ kind: 'NodeList', metadata: { resourceVersion: String(this.#version) }, items }));
    }
  }

  #watch(from: number, response: ServerResponse): void {
    response.writeHead(200).flushHeaders();
    if (from < this.#oldest) {
      response.end(expiredLine());
      return;
    }
    this.#watchers.add(response);
    response.on('close', () => this.#watchers.delete(response));
    for (const { version, line } of this.#history) if (version > from) this.#send(response, line);
  }

  #tell(type: string, object: unknown): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    if (type !== 'BOOKMARK') this.#history.push({ version: this.#version, line });
    for (const one of this.#watchers) this.#send(one, line);
  }

  #send(response: ServerResponse, line: string): void {
    const failure = this.fail();
    if (failure === undefined && !response.writableEnded) response.write(line);
    else failure?.(response, 'Line');
  }
}

export function expiredLine(): string {
  const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
  return `${JSON.stringify({ type: 'ERROR', object })}\n`;
}

export function status(response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', code, message }));
}
