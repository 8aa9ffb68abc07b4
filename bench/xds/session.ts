import type { Built } from './build.ts';
import type { Certificates } from './certificates.ts';
import { type ClientChild, startClient } from './client-child.ts';
import { pause } from './clock.ts';
import type { NodeStyle } from './delta-stream.ts';
import type { AnswerTo } from './messages.ts';
import { type ServerChild, type ServerName, startServer } from './server-child.ts';
import type { Shape } from './shape.ts';

const SYNC_LIMIT_MS = 120_000;
const SHORT_LIMIT_MS = 10_000;
const WARM_UP_STREAMS = 20;
const WARM_UP_CHANGES = 100;
/** For what a server does behind its last answer: garbage collection, end of streams. */
const SETTLE_MS = 500;
const SMALL_NODE: NodeStyle = { paddingBytes: 0, inEveryRequest: false };

export type SessionOptions = {
  readonly server: ServerName;
  readonly built: Built;
  readonly shape: Shape;
  readonly streams: number;
  readonly certificates?: Certificates;
  readonly node?: NodeStyle;
};

/** One server and its clients, from start to end; fresh processes, so that no figure depends on the one before. */
export class Session {
  readonly server: ServerChild;
  readonly client: ClientChild;
  readonly streams: number;
  /** Number of the last change that was asked for. */
  change = 0;
  readonly #options: SessionOptions;

  private constructor(options: SessionOptions, server: ServerChild, client: ClientChild) {
    this.#options = options;
    this.server = server;
    this.client = client;
    this.streams = options.streams;
  }

  static async run<T>(options: SessionOptions, work: (session: Session) => Promise<T>): Promise<T> {
    const { server: name, built, shape, certificates } = options;
    const server = await startServer(name, built.commands, shape, certificates?.server);
    const client = startClient(built.client);
    try {
      const session = new Session(options, server, client);
      await session.#warmUp();
      return await work(session);
    } finally {
      await Promise.all([client.stop(), server.stop()]);
    }
  }

  /** Opens all streams at once. */
  async open(streams: number = this.streams): Promise<AnswerTo<'open'>> {
    const { certificates, node = SMALL_NODE } = this.#options;
    const tls = certificates === undefined ? {} : { tls: certificates.client };
    const answer = await this.client.ask(
      { kind: 'open', port: this.server.port, streams, node, ...tls },
      SYNC_LIMIT_MS,
    );
    await pause(SETTLE_MS);
    return answer;
  }

  async reconnect(): Promise<AnswerTo<'reconnect'>> {
    return this.client.ask({ kind: 'reconnect' }, SYNC_LIMIT_MS);
  }

  async stall(streams: number): Promise<void> {
    await this.client.ask({ kind: 'stall', streams }, SHORT_LIMIT_MS);
  }

  /** Asks for one more change; `reached` resolves when all streams that read have it. */
  async next(limitMs: number, atMs: () => void): Promise<void> {
    this.change += 1;
    const reached = this.client.ask({ kind: 'await', change: this.change }, limitMs);
    atMs();
    this.server.change(this.change);
    await reached;
  }

  /** A server that has just started compiles code and grows its heap: neither is a cost of a stream. */
  async #warmUp(): Promise<void> {
    await this.open(Math.min(WARM_UP_STREAMS, this.streams));
    for (let count = 0; count < WARM_UP_CHANGES; count += 1) await this.next(SHORT_LIMIT_MS, () => undefined);
    await this.client.ask({ kind: 'close' }, SHORT_LIMIT_MS);
    await pause(SETTLE_MS);
  }
}
