import type { Delivery, LoadReport, NodePresence } from '../core/topology/index.ts';
import type { Inbox } from '../edge/xds/index.ts';

export type InboxContent = {
  readonly reports: readonly LoadReport[];
  readonly presence: readonly NodePresence[];
  readonly deliveries: readonly Delivery[];
};

/**
 * The one door through which Envoys' words come in. Bounded: reports and deliveries of one tick are kept up to a limit far
 * above what a healthy fleet sends, and the oldest go first.
 */
export class ControlInbox implements Inbox {
  static readonly MAX_REPORTS = 100_000;
  static readonly MAX_DELIVERIES = 100_000;
  #reports: LoadReport[] = [];
  #presence: NodePresence[] = [];
  #deliveries: Delivery[] = [];
  readonly #heard: (word: Delivery | NodePresence) => void;

  /** `heard` is told of every delivery, arrival and departure at once; nothing is decided on it before the next tick. */
  constructor(heard: (word: Delivery | NodePresence) => void) {
    this.#heard = heard;
  }

  presence(presence: NodePresence): void {
    this.#presence.push(presence);
    this.#heard(presence);
  }

  report(report: LoadReport): void {
    if (this.#reports.length >= ControlInbox.MAX_REPORTS) this.#reports.shift();
    this.#reports.push(report);
  }

  delivery(delivery: Delivery): void {
    if (this.#deliveries.length >= ControlInbox.MAX_DELIVERIES) this.#deliveries.shift();
    this.#deliveries.push(delivery);
    this.#heard(delivery);
  }

  /** Empties the inbox into the next tick. */
  take(): InboxContent {
    const content = { reports: this.#reports, presence: this.#presence, deliveries: this.#deliveries };
    this.#reports = [];
    this.#presence = [];
    this.#deliveries = [];
    return content;
  }
}
