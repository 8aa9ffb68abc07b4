import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { buildDecisionView, type DecidedService, type Log } from '../observe/index.ts';
import { decisionMessages } from './decision-message.ts';
import type { Permit } from './gate.ts';
import { News } from './news.ts';
import { OpenStreams, type StreamCall } from './open-streams.ts';
import { text } from './wire-values.ts';

/** What readers of decisions read. Must not block. */
export interface DecisionsSeam {
  /** About which something was decided. */
  services(): readonly string[];
  newest(service: string): DecidedService | undefined;
  /** Calls `tell` after each tick that changed one, which must not throw; the answer ends it. */
  watch(tell: () => void): () => void;
}

/** Each holds one decision about each service. */
const MAX_STREAMS = 100;
const NAMES_SHOWN = 20;

type Refusal = { readonly code: status; readonly details: string };

/**
 * Streams of decisions, each as fast as its reader. Nothing is queued: for each reader it is remembered which decision about a
 * service was told last, and the next that is told is the newest there is by then, with how many were skipped.
 */
export class DecisionStreams {
  readonly #seam: DecisionsSeam;
  readonly #log: Log;
  readonly #running = new OpenStreams();

  constructor(seam: DecisionsSeam, log: Log) {
    this.#seam = seam;
    this.#log = log;
  }

  /** Ends with its call, or with the service that it is about. Never rejects. */
  async serve(call: StreamCall, permit: Permit): Promise<void> {
    if (this.#running.size >= MAX_STREAMS) {
      const details = `${MAX_STREAMS} are watching decisions already`;
      call.emit('error', { code: status.RESOURCE_EXHAUSTED, details });
      return;
    }
    await this.#running.run(
      call,
      (signal) => this.#follow(call, text(call.request.service), permit, signal),
      (error) => {
        this.#log.error({ err: error, method: 'WatchDecisions' }, 'admin request failed');
        return { code: status.INTERNAL, details: 'the server failed to answer; its log says why' };
      },
    );
  }

  stop(): void {
    this.#running.stop();
  }

  async #follow(call: StreamCall, asked: string, permit: Permit, signal: AbortSignal): Promise<Refusal> {
    const told = new Map<string, DecidedService>();
    const news = new News();
    const unwatch = this.#seam.watch(() => news.tell());
    try {
      for (;;) {
        const visible = this.#seam.services().filter((name) => permit.mayFor(name));
        // The same for one that there is not and one that the caller may not view: its name is an answer too.
        if (asked !== '' && !visible.includes(asked)) return notFound(asked, visible);
        for (const name of told.keys()) if (!visible.includes(name)) told.delete(name);
        for (const service of asked === '' ? visible : [asked]) await this.#tell(call, service, told, signal);
        await news.come(signal);
      }
    } finally {
      unwatch();
    }
  }

  async #tell(
    call: StreamCall,
    service: string,
    told: Map<string, DecidedService>,
    signal: AbortSignal,
  ): Promise<void> {
    const now = this.#seam.newest(service);
    const before = told.get(service);
    if (now === undefined || now === before) return;
    told.set(service, now);
    for (const message of decisionMessages(buildDecisionView(before, now)))
      if (!call.write(message)) await once(call, 'drain', { signal });
  }
}

function notFound(service: string, known: readonly string[]): Refusal {
  const more = known.length - NAMES_SHOWN;
  const names = known.slice(0, NAMES_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
  const details = `no service ${JSON.stringify(service.slice(0, 80))}; known: ${known.length === 0 ? 'none' : names}`;
  return { code: status.NOT_FOUND, details };
}
