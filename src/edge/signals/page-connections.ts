import { type Answered, type Origin, PageConnection, type Question } from './page-connection.ts';

/** Of one server. */
const MAX_IDLE = 8;

/** A question under way. */
export type Asking = { readonly phase: () => PageConnection['phase']; readonly giveUp: () => void };

/** Connections to servers of pages, kept between questions. */
export class PageConnections {
  readonly #idle = new Map<string, PageConnection[]>();
  #closed = false;

  /** Asks on a kept connection, or on a new one. `key` stands for the origin. `settle` is not called after `giveUp`. */
  ask(key: string, origin: Origin, question: Question, settle: (answered: Answered) => void): Asking {
    const connection = this.#idle.get(key)?.pop() ?? this.#connect(key, origin);
    connection.ask(question, (answered) => {
      if (answered !== 'StaleConnection' && 'body' in answered && answered.keepsAlive) this.#keep(key, connection);
      settle(answered);
    });
    return { phase: () => connection.phase, giveUp: () => connection.destroy() };
  }

  /** Ends idle connections; questions under way end through who asked. */
  close(): void {
    this.#closed = true;
    for (const connections of this.#idle.values()) for (const connection of connections) connection.destroy();
    this.#idle.clear();
  }

  #connect(key: string, origin: Origin): PageConnection {
    const connection: PageConnection = new PageConnection(origin, () => this.#forget(key, connection));
    return connection;
  }

  #keep(key: string, connection: PageConnection): void {
    const idle = this.#idle.get(key) ?? [];
    if (this.#closed || idle.length >= MAX_IDLE) {
      connection.destroy();
      return;
    }
    idle.push(connection);
    this.#idle.set(key, idle);
  }

  #forget(key: string, connection: PageConnection): void {
    const idle = this.#idle.get(key);
    if (idle === undefined) return;
    const others = idle.filter((one) => one !== connection);
    if (others.length === 0) this.#idle.delete(key);
    else this.#idle.set(key, others);
  }
}
