import { afterEach, describe, expect, it } from 'vitest';
import { DeltaStream, type StreamObserver } from '../../../bench/xds/delta-stream.ts';
import { FRAME, windowUpdate } from '../../../bench/xds/http2-frames.ts';
import { World } from '../../../bench/xds/world.ts';
import { XdsServer } from '../../../src/edge/xds/index.ts';
import { frame } from '../../../src/edge/xds/transport/rpc.ts';
import { type TypeName, urlOf } from '../../conformance/protocol.ts';
import { decodeResponse, encodeRequest, type RequestPart } from '../../conformance/wire-message.ts';
import { grpcHeaders } from '../../support/hpack.ts';
import { Http2Peer } from '../../support/http2-peer.ts';
import { heapMib } from './garbage/census.ts';

const READERS = 60;
const STALLED = 20;
const CHANGES = 50;
/** One assignment of some 55 KB, so that the kernel's buffers are soon full of what a stalled reader has not read. */
const SHAPE = { clusters: 1, endpoints: 3000 };
const MIB = 1024 * 1024;
const LIMIT_MS = 20_000;
const DELTA_ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

class Lab {
  readonly world = new World(SHAPE);
  readonly pushes: string[] = [];
  readonly server = new XdsServer({
    address: '127.0.0.1:0',
    snapshots: {
      groups: () => ['lab'],
      groupsOf: () => [],
      servicesOf: () => new Set(),
      snapshot: () => this.world.snapshot,
    },
    inbox: { presence: () => {}, report: () => {}, delivery: () => {} },
    meter: { pushed: (type) => this.pushes.push(type), answered: () => {}, streams: () => {}, reported: () => {} },
    log: { info: () => {}, debug: () => {}, warn: () => {} },
    now: () => Date.now(),
    loadReportIntervalMs: 1000,
  });
  #change = 0;

  get port(): number {
    return Number(this.server.address.split(':').at(-1));
  }

  change(): number {
    this.#change += 1;
    this.world.change(this.#change);
    this.server.publish();
    return this.#change;
  }
}

/** When each change reached each stream. */
class Receipts implements StreamObserver {
  readonly atMs = new Map<DeltaStream, Map<number, number>>();
  readonly failures: string[] = [];
  #waiting: (() => void)[] = [];

  inSync(stream: DeltaStream): void {
    this.atMs.set(stream, new Map());
    this.#wake();
  }

  receipt(stream: DeltaStream, change: number): void {
    this.atMs.get(stream)?.set(change, performance.now());
    this.#wake();
  }

  failed({ id }: DeltaStream, reason: string): void {
    this.failures.push(`${id}: ${reason}`);
    this.#wake();
  }

  sentAgain(): void {}
  retried(): void {}

  async until(holds: () => boolean): Promise<void> {
    for (const deadline = Date.now() + LIMIT_MS; !holds(); ) {
      const leftMs = deadline - Date.now();
      if (leftMs < 0 || this.failures.length > 0) throw new Error(`not in time; ${this.failures.join('; ')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

const open: { close(): void }[] = [];
let lab: Lab;

afterEach(async () => {
  for (const one of open.splice(0)) one.close();
  await lab.server.stop(100);
});

describe('readers that stall', () => {
  it('cost the others nothing, and the server next to nothing', { timeout: 60_000 }, async () => {
    lab = new Lab();
    await lab.server.start();
    const receipts = new Receipts();
    const style = { paddingBytes: 0, inEveryRequest: false };
    const streams = Array.from(
      { length: READERS },
      (_, at) => new DeltaStream(`envoy-${at}`, { port: lab.port }, style, receipts),
    );
    open.push(...streams);
    for (const stream of streams) stream.connect();
    await receipts.until(() => receipts.atMs.size === READERS);

    /** The median, over changes, of the time that the median reader waited. Every reader gets every change. */
    const measure = async (readers: readonly DeltaStream[]): Promise<number> => {
      const waits: number[] = [];
      for (let count = 0; count < CHANGES; count += 1) {
        const atMs = performance.now();
        const change = lab.change();
        const got = (stream: DeltaStream): number | undefined => receipts.atMs.get(stream)?.get(change);
        await receipts.until(() => readers.every((stream) => got(stream) !== undefined));
        waits.push(median(readers.map((stream) => (got(stream) as number) - atMs)));
      }
      return median(waits);
    };
    const together = await measure(streams);
    const heapBefore = heapMib();
    const stalled = streams.filter((_, at) => at % (READERS / STALLED) === 0);
    const others = streams.filter((stream) => !stalled.includes(stream));
    for (const stream of stalled) stream.stall();
    const pushesBefore = lab.pushes.length;
    const alone = await measure(others);
    expect(alone / together).toBeLessThan(3);
    // Those who stall answer nothing, and get no more than 32 responses for it.
    const pushed = lab.pushes.length - pushesBefore;
    expect(pushed).toBeGreaterThanOrEqual(others.length * CHANGES);
    expect(pushed).toBeLessThanOrEqual(others.length * CHANGES + stalled.length * 40);
    // Copied for each, it would be twenty times 32 times 55 KB.
    expect(heapMib() - heapBefore).toBeLessThan(20);
  });

  it('get the newest state when they read again, and of what they missed only what was under way', async () => {
    lab = new Lab();
    await lab.server.start();
    const reader = new Http2Peer(lab.port, { windowBytes: 16 * MIB });
    open.push({ close: () => reader.destroy() });
    reader.write(windowUpdate(0, 16 * MIB));
    const stream = subscribe(reader, 'eds', { subscribe: ['c-0'] });
    await reader.until('the first answer', () => responsesOf(reader, stream).length === 1);
    reader.stall();
    const changes = 300;
    for (let count = 0; count < changes; count += 1) {
      lab.change();
      if (count % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const newest = lab.world.snapshot.types.get(urlOf('eds'))?.get('c-0')?.version;
    let answered = 0;
    const version = (): string | undefined => {
      const responses = responsesOf(reader, stream);
      for (const { nonce } of responses.slice(answered)) {
        reader.data(stream, frame(encodeRequest('delta', urlOf('eds'), { nonce })));
      }
      answered = responses.length;
      return responses.at(-1)?.items[0]?.version;
    };
    reader.resume();
    await reader.until('the newest', () => version() === newest);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(version()).toBe(newest);
    expect(answered).toBeLessThan(changes / 2);
    expect(lab.pushes.length).toBe(answered);
  });

  it('have one response of each type in the server, however much changes, when they open no window', async () => {
    lab = new Lab();
    await lab.server.start();
    const reader = new Http2Peer(lab.port, { windowBytes: 0 });
    open.push({ close: () => reader.destroy() });
    const stream = subscribe(reader, 'cds', {});
    reader.data(stream, frame(encodeRequest('delta', urlOf('eds'), { subscribe: ['c-0'] })));
    reader.data(stream, frame(encodeRequest('delta', urlOf('lds'), {})));
    await reader.until('all of them', () => ['cds', 'eds', 'lds'].every((type) => lab.pushes.includes(type)));
    const before = heapMib();
    for (let count = 0; count < 500; count += 1) lab.change();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(reader.of(stream, FRAME.data)).toEqual([]);
    expect([...lab.pushes].sort()).toEqual(['cds', 'eds', 'lds']);
    expect(heapMib() - before).toBeLessThan(20);

    reader.write(windowUpdate(0, 16 * MIB), windowUpdate(stream, 16 * MIB));
    await reader.until('four answers', () => responsesOf(reader, stream).length === 4);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(responsesOf(reader, stream).map(({ type }) => type)).toEqual(['cds', 'eds', 'lds', 'eds']);
    const newest = lab.world.snapshot.types.get(urlOf('eds'))?.get('c-0')?.version;
    expect(responsesOf(reader, stream).at(-1)?.items[0]?.version).toBe(newest);
  });
});

function subscribe(reader: Http2Peer, type: TypeName, part: RequestPart): number {
  const stream = reader.open(grpcHeaders(DELTA_ADS));
  reader.data(stream, frame(encodeRequest('delta', urlOf(type), part, { id: 'slow', cluster: 'lab' })));
  return stream;
}

function responsesOf(reader: Http2Peer, stream: number): ReturnType<typeof decodeResponse>[] {
  const bytes = Buffer.concat(reader.of(stream, FRAME.data).map(({ payload }) => payload));
  const responses = [];
  for (let at = 0; bytes.length - at >= 5; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    responses.push(decodeResponse('delta', bytes.subarray(at + 5, end)));
    at = end;
  }
  return responses;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
