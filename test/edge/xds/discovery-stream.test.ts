import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, encodeResource, type JsonObject } from '../../../src/base/codec/index.ts';
import { type Resource, type ResourceRef, TYPE_SHORT, TYPE_URL } from '../../../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot } from '../../../src/core/snapshot/index.ts';
import { KnownSets } from '../../../src/core/subscriptions/index.ts';
import type { Delivery } from '../../../src/core/topology/index.ts';
import { DISCOVERY_METHODS, type DiscoveryMethod } from '../../../src/edge/xds/discovery-methods.ts';
import { DiscoveryStream } from '../../../src/edge/xds/discovery-stream.ts';
import { nodeConfig } from '../../../src/edge/xds/node-config.ts';
import { peerOf } from '../../../src/edge/xds/node-identity.ts';
import { nodeStatuses } from '../../../src/edge/xds/node-status.ts';
import { ResponseCache } from '../../../src/edge/xds/response-cache.ts';

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS } = TYPE_URL;
const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };
const DELTA_ADS = DISCOVERY_METHODS.find(
  ({ variant, typeUrl }) => variant === 'Delta' && typeUrl === undefined,
) as DiscoveryMethod;

function make(typeUrl: string, name: string, json: JsonObject, ...needs: readonly ResourceRef[]): Resource {
  const origin = { file: 'lab.yaml', line: name.length, column: 1, revision: 'r1' };
  return { ...encodeResource({ typeUrl, name, json }), needs, origin };
}
const cluster = (name: string): Resource => make(CDS, name, { name });
const assignment = (name: string, priority = 0): Resource =>
  make(EDS, name, { cluster_name: name, endpoints: [{ priority }] });
const routes = (name: string, ...to: readonly string[]): Resource =>
  make(
    RDS,
    name,
    { name, virtual_hosts: to.map((one) => ({ name: one })) },
    ...to.map((one) => ({ typeUrl: CDS, name: one })),
  );

type Sent = { readonly typeUrl: string; readonly nonce: string; readonly names: readonly string[] };

/** One stream over a wire that takes everything at once, and a clock that the test sets. */
class Bench {
  nowMs = 1000;
  readonly sent: Sent[] = [];
  readonly given: string[] = [];
  readonly lines: (readonly [string, object])[] = [];
  readonly deliveries: Delivery[] = [];
  readonly stream: DiscoveryStream;
  #snapshot: Snapshot | undefined;
  #first = true;

  constructor(...resources: readonly Resource[]) {
    this.#snapshot = makeSnapshot(KEY, resources);
    const rpc = {
      path: DELTA_ADS.path,
      peer: '127.0.0.1:5000',
      send: (framed: Buffer, taken?: () => void) => {
        this.sent.push(read(framed.subarray(5)));
        taken?.();
      },
      end: () => {},
      pause: () => {},
      resume: () => {},
    };
    const log = (fields: object, message: string): unknown => this.lines.push([message, fields]);
    this.stream = new DiscoveryStream(DELTA_ADS, rpc, {
      inbox: { presence: () => {}, report: () => {}, delivery: (one) => this.deliveries.push(one) },
      meter: {
        pushed: () => {},
        answered: () => {},
        streams: () => {},
        reported: () => {},
        gaveUp: (type) => this.given.push(type),
      },
      log: { info: log, warn: log, debug: log },
      cache: new ResponseCache(),
      sets: new KnownSets(),
      now: () => this.nowMs,
      admit: (node, _stream, decided) => {
        if (node === undefined) throw new Error('the first request has a node');
        decided({ ok: true, peer: peerOf(node, 'lab', { endpointsOnly: false }), refusals: [] });
      },
      snapshotOf: () => this.#snapshot,
      left: () => {},
    });
  }

  set(...resources: readonly Resource[]): void {
    this.#snapshot = makeSnapshot(KEY, resources, this.#snapshot);
    this.stream.publish(this.#snapshot);
  }

  /** Lets time pass as the server does. */
  run(forMs: number): void {
    for (const untilMs = this.nowMs + forMs; this.nowMs < untilMs; ) {
      this.nowMs += 100;
      this.stream.wake(this.nowMs);
    }
  }

  ask(typeUrl: string, ...names: readonly string[]): void {
    this.#send(typeUrl, { resource_names_subscribe: [...names] });
  }

  /** Answers the oldest response that is not answered: takes it, or refuses it in these words. */
  answer(refusal?: string): Sent {
    const response = this.sent.shift();
    if (response === undefined) expect.fail('nothing was sent');
    const error = refusal === undefined ? {} : { error_detail: { code: 13, message: refusal } };
    this.#send(response.typeUrl, { response_nonce: response.nonce, ...error });
    return response;
  }

  #send(typeUrl: string, part: JsonObject): void {
    const node = this.#first ? { node: { id: 'a', cluster: 'lab' } } : {};
    this.#first = false;
    const request = { type_url: typeUrl, ...node, ...part };
    this.stream.message(Buffer.from(encodeMessage('envoy.service.discovery.v3.DeltaDiscoveryRequest', request)));
  }
}

function read(bytes: Buffer): Sent {
  const message = decodeMessage('envoy.service.discovery.v3.DeltaDiscoveryResponse', bytes) as {
    readonly type_url: string;
    readonly nonce: string;
    readonly resources?: readonly { readonly name: string }[];
  };
  const names = (message.resources ?? []).map(({ name }) => name);
  return { typeUrl: message.type_url, nonce: message.nonce, names };
}

/** Type, name, state and place of everything, as proxy-config has them. */
function states({ stream }: Bench): readonly string[] {
  const config = nodeConfig([stream], 'a');
  return (config?.types ?? []).flatMap(({ type, resources }) =>
    resources.map(({ name, status, origin, revision }) => `${type} ${name} ${status} ${origin} ${revision}`),
  );
}

describe('a wait that ends in vain', () => {
  it('is counted and told once, however long the client does not answer', () => {
    const bench = new Bench(cluster('chat'), routes('models', 'chat'));
    bench.ask(CDS, '*');
    bench.ask(RDS, 'models');
    expect(bench.sent.map(({ typeUrl }) => TYPE_SHORT[typeUrl])).toEqual(['cds']);
    bench.run(4000);
    expect(bench.given).toEqual([]);
    expect(nodeStatuses([bench.stream])[0]?.types).toMatchObject([
      { type: 'cds', status: 'STALE' },
      { type: 'rds', status: 'STALE', message: 'models waits: the client has not taken cluster chat yet' },
    ]);
    bench.run(60_000);
    expect(bench.sent.map(({ typeUrl }) => TYPE_SHORT[typeUrl])).toEqual(['cds', 'rds']);
    expect(bench.given).toEqual(['rds']);
    const told = bench.lines.filter(([message]) => message.startsWith('waited in vain'));
    expect(told.map(([, fields]) => fields)).toEqual([
      { node: 'a', type: 'rds', resource: 'models', reason: 'the client has not taken cluster chat yet' },
    ]);
    // Another wait of the same resource is another one.
    bench.set(cluster('chat'), cluster('code'), routes('models', 'code'));
    bench.run(60_000);
    expect(bench.given).toEqual(['rds', 'rds']);
  });

  it('is counted for a removal, too, which nothing shows any more once it went', () => {
    const bench = new Bench(cluster('old'), routes('models', 'old'));
    bench.ask(CDS, '*');
    bench.answer();
    bench.ask(RDS, 'models');
    bench.answer();
    bench.set(cluster('new'), routes('models', 'new'));
    bench.answer();
    bench.run(60_000);
    // The new routes are not answered: the old cluster went all the same.
    expect(bench.sent.map(({ typeUrl }) => TYPE_SHORT[typeUrl])).toEqual(['rds', 'cds']);
    expect(bench.given).toEqual(['cds']);
  });

  it('is none when the client answers in time', () => {
    const bench = new Bench(cluster('chat'), routes('models', 'chat'));
    bench.ask(CDS, '*');
    bench.ask(RDS, 'models');
    bench.run(2000);
    while (bench.sent.length > 0) bench.answer();
    bench.run(60_000);
    expect(bench.given).toEqual([]);
  });
});

describe('a refusal', () => {
  it('is told with the resource, its place in the policy and the revision', () => {
    const bench = new Bench(assignment('chat'), assignment('code2'));
    bench.ask(EDS, 'chat', 'code2');
    bench.answer('cluster_name: "chat": no');
    bench.answer();
    expect(bench.lines).toEqual([
      [
        'resource refused by envoy',
        {
          node: 'a',
          type: 'eds',
          resource: 'chat',
          origin: 'lab.yaml:4:1',
          revision: 'r1',
          resources: 2,
          detail: 'cluster_name: "chat": no',
        },
      ],
    ]);
    expect(bench.deliveries.filter(({ kind }) => kind === 'Nacked')).toMatchObject([
      { kind: 'Nacked', culprits: [{ name: 'chat', origin: 'lab.yaml:4:1', revision: 'r1' }] },
    ]);
    expect(nodeStatuses([bench.stream])[0]?.types).toMatchObject([
      { type: 'eds', status: 'NACKED', resources: 2, origin: 'lab.yaml:4:1', revision: 'r1' },
    ]);
    expect(states(bench)).toEqual(['eds chat NACKED lab.yaml:4:1 r1', 'eds code2 SYNCED lab.yaml:5:1 r1']);
  });

  it('of a response whose culprit is found by trying is told when it is found, once', () => {
    for (const bad of ['a', 'bb', 'ccc', 'dddd']) {
      const bench = new Bench(...['a', 'bb', 'ccc', 'dddd'].map((name) => assignment(name)));
      bench.ask(EDS, 'a', 'bb', 'ccc', 'dddd');
      while (bench.sent.length > 0) bench.answer(bench.sent[0]?.names.includes(bad) === true ? 'no' : undefined);
      const found = bench.lines.filter(([message]) => message === 'resource refused by envoy');
      expect(found.map(([, fields]) => fields)).toMatchObject([
        { resource: bad, origin: `lab.yaml:${bad.length}:1`, revision: 'r1', detail: 'no' },
      ]);
      expect(bench.deliveries.filter(({ culprits = [] }) => culprits.length > 0)).toHaveLength(1);
      expect(states(bench).filter((state) => !state.includes('SYNCED'))).toEqual([
        `eds ${bad} NACKED lab.yaml:${bad.length}:1 r1`,
      ]);
    }
  });

  it('of a removal is told as one', () => {
    const bench = new Bench(make(LDS, 'models', { name: 'models' }));
    bench.ask(LDS, '*');
    bench.answer();
    bench.set();
    bench.answer('no');
    expect(bench.lines).toMatchObject([['removal refused by envoy', { type: 'lds', resources: 1 }]]);
    expect(bench.deliveries).toMatchObject([{ resources: [{ name: 'models', version: '' }], culprits: [] }]);
  });
});
