import type { Random } from '../../base/units/index.ts';
import type { Sample } from '../../core/topology/index.ts';
import { BatchEngine, type EngineCondition, type EngineEvent, type EngineProfile } from '../modelserver/index.ts';
import type { EventQueue } from './event-queue.ts';
import type { OrcaReport } from './sidecar/client-side-weights.ts';
import type { Host } from './sidecar/sidecar.ts';

/** What becomes of a request, as its sidecar sees it. */
export interface Observer {
  accepted(id: number): void;
  firstToken(id: number): void;
  finished(id: number): void;
  failed(id: number): void;
}

/** How long an error takes. */
const ERROR_MS = 5;
/** What a server says of itself is about its last seconds. */
const SELF_MS = 5000;

/** A model server in virtual time: the engine of `loadline modelserver`, and what goes wrong with it. */
export class VirtualServer {
  readonly host: Host;
  readonly #queue: EventQueue;
  readonly #engine: BatchEngine;
  readonly #observer: Observer;
  readonly #random: Random;
  readonly #slots: number;
  /** Requests that are here, and whether their first token is out. */
  readonly #here = new Map<number, boolean>();
  #sinkholeRatio = 0;
  #down = false;
  #wakeMs = Number.POSITIVE_INFINITY;
  #speed = 1;
  #foreignSlots = 0;
  /** When requests ended lately, well and badly. */
  readonly #ended = { well: [] as number[], badly: [] as number[] };

  constructor(host: Host, profile: EngineProfile, options: { queue: EventQueue; observer: Observer; random: Random }) {
    this.host = host;
    this.#queue = options.queue;
    this.#observer = options.observer;
    this.#random = options.random;
    this.#slots = profile.slots;
    this.#engine = new BatchEngine({ ...profile, tokensPerEvent: Number.POSITIVE_INFINITY }, this.#queue.nowMs);
  }

  submit(id: number, promptTokens: number, outputTokens: number): void {
    if (this.#down || (this.#sinkholeRatio > 0 && this.#random() < this.#sinkholeRatio)) {
      this.#queue.at(this.#queue.nowMs + ERROR_MS, () => this.#fail(id));
      return;
    }
    this.#here.set(id, false);
    this.#engine.submit({ id, promptTokens, outputTokens }, this.#queue.nowMs);
    this.#settle();
  }

  setCondition(change: Partial<EngineCondition>): void {
    if (change.speed !== undefined) this.#speed = change.speed;
    if (change.foreignLoad !== undefined) this.#foreignSlots = change.foreignLoad * this.#slots;
    this.#engine.setCondition(change, this.#queue.nowMs);
    this.#settle();
  }

  setSinkhole(ratio: number): void {
    this.#sinkholeRatio = ratio;
  }

  crash(backAtMs: number): void {
    this.#down = true;
    for (const id of [...this.#here.keys()]) this.#fail(id);
    this.#here.clear();
    this.#engine.restart(this.#queue.nowMs);
    this.#queue.at(backAtMs, () => {
      this.#down = false;
    });
    this.#settle();
  }

  /** Requests in execution and in the queue for each slot, those of other tenants too: what the imbalance is made of. */
  get pressure(): number {
    return (this.#here.size + this.#foreignSlots) / this.#slots;
  }

  /** Requests of ours in execution and in the queue. */
  get inFlight(): number {
    return this.#here.size;
  }

  /** Factor on its usual speed now: what the clock of its GPU follows. */
  get speed(): number {
    return this.#speed;
  }

  /** What it would say of itself with a response: the truth about its last seconds, and about its batch now. */
  orca(): OrcaReport {
    const fromMs = this.#queue.nowMs - SELF_MS;
    const perSec = (endedMs: number[]): number => {
      while (endedMs.length > 0 && (endedMs[0] as number) < fromMs) endedMs.shift();
      return (endedMs.length * 1000) / SELF_MS;
    };
    const [well, badly] = [perSec(this.#ended.well), perSec(this.#ended.badly)];
    return {
      rps: well + badly,
      utilRatio: Math.min(1, this.#engine.load(this.#queue.nowMs).running / this.#slots),
      eps: badly,
    };
  }

  /** One page of engine metrics as samples. */
  page(): readonly Sample[] {
    const nowMs = this.#queue.nowMs;
    const load = this.#engine.load(nowMs);
    const { address, port } = this.host;
    const sample = (metric: Sample['metric'], value: number): Sample => ({
      subject: { address, port },
      metric,
      value,
      sampledAtMs: nowMs,
      changedAtMs: nowMs,
      source: `engine ${address}:${port}`,
    });
    return [
      sample('runningRequests', load.running),
      sample('waitingRequests', load.waiting),
      sample('kvUsageRatio', load.kvRatio),
      sample('promptTokensTotal', load.promptTokens),
      sample('generationTokensTotal', load.generationTokens),
    ];
  }

  /** Milliseconds of fully occupied slots so far. */
  occupiedMs(): number {
    return this.#engine.occupiedMs(this.#queue.nowMs);
  }

  /** Tells what has happened until now, and has itself called when something happens next. */
  #settle(): void {
    for (const event of this.#engine.advance(this.#queue.nowMs)) this.#tell(event);
    const nextMs = this.#engine.nextEventMs();
    if (nextMs === this.#wakeMs || nextMs === Number.POSITIVE_INFINITY) {
      this.#wakeMs = nextMs;
      return;
    }
    this.#wakeMs = nextMs;
    this.#queue.at(nextMs, () => {
      if (this.#wakeMs !== nextMs) return;
      this.#wakeMs = Number.POSITIVE_INFINITY;
      this.#settle();
    });
  }

  #tell(event: EngineEvent): void {
    const { kind, id } = event;
    const hadToken = this.#here.get(id);
    if (hadToken === undefined) return;
    if (kind === 'Accepted') this.#observer.accepted(id);
    else if (kind === 'Tokens' && !hadToken) {
      this.#here.set(id, true);
      this.#observer.firstToken(id);
    } else if (kind === 'Finished' || kind === 'Rejected') {
      this.#here.delete(id);
      if (kind === 'Rejected') this.#fail(id);
      else {
        this.#ended.well.push(this.#queue.nowMs);
        this.#observer.finished(id);
      }
    }
  }

  #fail(id: number): void {
    this.#ended.badly.push(this.#queue.nowMs);
    this.#observer.failed(id);
  }
}
