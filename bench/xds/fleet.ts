import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { monotonicMs, pause } from './clock.ts';
import { DeltaStream, type StreamObserver } from './delta-stream.ts';
import type { AnswerTo, FleetOptions, Receipts, Sync } from './messages.ts';
import { percentile } from './percentile.ts';

/** How long resources that are sent again are waited for, once all markers are answered. */
const LATE_ANSWERS_MS = 500;

type Log = { bytes: number; readonly atMs: number[] };

/** All streams of the client process, and what they saw. */
export class Fleet implements StreamObserver {
  readonly #streams: DeltaStream[] = [];
  readonly #logs = new Map<number, Log>();
  readonly #onFailure: (reason: string) => void;
  #inSyncAtMs: number[] = [];
  #allInSync: (() => void) | undefined;
  #awaited: { readonly change: number; missing: number; readonly reached: () => void } | undefined;
  #again = { resources: 0, bytes: 0 };
  #retries = 0;
  #cpu = process.cpuUsage();

  constructor(onFailure: (reason: string) => void) {
    this.#onFailure = onFailure;
  }

  async open({ port, streams, node, tls }: FleetOptions): Promise<AnswerTo<'open'>> {
    const secureContext =
      tls === undefined
        ? undefined
        : createSecureContext({
            ca: readFileSync(tls.ca),
            cert: readFileSync(tls.cert),
            key: readFileSync(tls.key),
            minVersion: 'TLSv1.3',
          });
    const peer = { port, ...(secureContext === undefined ? {} : { secureContext }) };
    for (let index = 0; index < streams; index += 1) {
      this.#streams.push(new DeltaStream(`envoy-${index}`, peer, node, this));
    }
    return { kind: 'open', ...(await this.#sync((stream) => stream.connect())) };
  }

  async reconnect(): Promise<AnswerTo<'reconnect'>> {
    this.#again = { resources: 0, bytes: 0 };
    const synced = await this.#sync((stream) => stream.reconnect());
    await pause(LATE_ANSWERS_MS);
    for (const stream of this.#streams) stream.settle();
    return {
      kind: 'reconnect',
      ...synced,
      resourcesAgain: this.#again.resources,
      bytesAgain: this.#again.bytes,
    };
  }

  async reached(change: number): Promise<AnswerTo<'await'>> {
    await new Promise<void>((resolve) => {
      const missing = this.#streams.filter((stream) => !stream.stalled && stream.change < change).length;
      if (missing === 0) resolve();
      else this.#awaited = { change, missing, reached: resolve };
    });
    return { kind: 'await' };
  }

  receipts(from: number, to: number): AnswerTo<'receipts'> {
    const list: Receipts[] = [];
    for (let change = from; change <= to; change += 1) {
      const { atMs, bytes } = this.#logs.get(change) ?? { atMs: [], bytes: 0 };
      list.push({
        change,
        count: atMs.length,
        bytes,
        firstAtMs: percentile(atMs, 0),
        medianAtMs: percentile(atMs, 0.5),
        p99AtMs: percentile(atMs, 0.99),
        lastAtMs: percentile(atMs, 1),
      });
    }
    this.#logs.clear();
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cpu = process.cpuUsage();
    return { kind: 'receipts', list, clientCpuMs: (user + system) / 1000 };
  }

  /** Spread evenly, so that a server that goes through its streams in order meets them between others. */
  stall(streams: number): AnswerTo<'stall'> {
    const every = Math.floor(this.#streams.length / streams);
    for (let count = 0; count < streams; count += 1) this.#streams[count * every]?.stall();
    return { kind: 'stall' };
  }

  close(): AnswerTo<'close'> {
    for (const stream of this.#streams.splice(0)) stream.close();
    this.#logs.clear();
    return { kind: 'close' };
  }

  inSync(): void {
    this.#inSyncAtMs.push(monotonicMs());
    if (this.#inSyncAtMs.length === this.#streams.length) this.#allInSync?.();
  }

  receipt(stream: DeltaStream, change: number, bytes: number): void {
    let log = this.#logs.get(change);
    if (log === undefined) {
      log = { bytes: 0, atMs: [] };
      this.#logs.set(change, log);
    }
    log.atMs.push(monotonicMs());
    log.bytes += bytes;
    const awaited = this.#awaited;
    if (awaited === undefined || change < awaited.change || stream.stalled) return;
    awaited.missing -= 1;
    if (awaited.missing > 0) return;
    this.#awaited = undefined;
    awaited.reached();
  }

  sentAgain(resources: number, bytes: number): void {
    this.#again.resources += resources;
    this.#again.bytes += bytes;
  }

  retried(): void {
    this.#retries += 1;
  }

  failed(stream: DeltaStream, reason: string): void {
    this.#onFailure(`${stream.id}: ${reason}`);
  }

  async #sync(start: (stream: DeltaStream) => void): Promise<Sync> {
    this.#inSyncAtMs = [];
    this.#retries = 0;
    const all = new Promise<void>((resolve) => {
      this.#allInSync = resolve;
    });
    const beganMs = monotonicMs();
    for (const stream of this.#streams) start(stream);
    await all;
    const tookMs = this.#inSyncAtMs.map((atMs) => atMs - beganMs);
    return { p50Ms: percentile(tookMs, 0.5), maxMs: percentile(tookMs, 1), retries: this.#retries };
  }
}
