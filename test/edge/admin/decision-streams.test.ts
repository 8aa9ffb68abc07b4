import * as grpc from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../../src/core/access/index.ts';
import type { EndpointDecision } from '../../../src/core/weights/index.ts';
import { adminService } from '../../../src/edge/admin/admin-service.ts';
import { DecisionReader, decisionMessages } from '../../../src/edge/admin/decision-message.ts';
import {
  type AccessSeam,
  connectObserve,
  createAdminServer,
  type DecisionsSeam,
} from '../../../src/edge/admin/index.ts';
import type { Wire } from '../../../src/edge/admin/wire-values.ts';
import { buildDecisionView, type DecidedService, type DecisionView } from '../../../src/edge/observe/index.ts';
import { until } from '../../support/serve.ts';
import { FakeLog } from '../observe/fake-log.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const TERMS = { capacity: 0, speed: 0, inFlight: 0, foreign: 0, health: 0, ramp: 0, feedForward: 0 };

/** A control loop that decides when a test says so. */
class FakeFeed implements DecisionsSeam {
  readonly decided = new Map<string, DecidedService>();
  readonly watchers = new Set<() => void>();

  decide(service: string, weight: number, endpoints = 2): void {
    const turn = (this.decided.get(service)?.turn ?? 0) + 1;
    const of = Array.from({ length: endpoints }, (_, at): EndpointDecision => {
      const id = `${service}/gpu/10.0.${at >> 8}.${at & 255}:8000`;
      return {
        id,
        weight: weight + at,
        previousWeight: 1,
        share: 0.25,
        health: 'Healthy',
        terms: TERMS,
        clamps: ['Floor'],
      };
    });
    const decision = { service, outcome: 'Pushed', atMs: 0, decidedAtMs: 0, equal: false, endpoints: of } as const;
    const reasons = () =>
      new Map(of.map(({ id }) => [id, `${id} is what it is, and this sentence says why that is so`]));
    this.decided.set(service, { service, tick: turn, atMs: 1000 * turn, turn, decision, reasons });
    this.tell();
  }

  tell(): void {
    for (const tell of this.watchers) tell();
  }

  services = () => [...this.decided.keys()];
  newest = (service: string) => this.decided.get(service);
  watch = (tell: () => void) => {
    this.watchers.add(tell);
    return () => this.watchers.delete(tell);
  };
}

async function serve(feed: FakeFeed, only?: string): Promise<string> {
  const access: AccessSeam = {
    recognise: (peer) => ({ ok: true, peer }),
    may: (_peer, _action, resource) => resource.kind === 'Service' && resource.name === only,
    services: () => ['chat', 'embed'],
    servicesOfGroup: () => [],
    groupOfNode: () => undefined,
    refused: () => {},
  };
  const nothing = () => ({ ok: false as const, issues: [] });
  const server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: { status: () => ({}) as never, explain: nothing, proxyConfig: nothing },
    decisions: feed,
    access: only === undefined ? undefined : access,
    peerOf: (): Peer => ({ kind: 'Certificate', spiffeId: 'spiffe://m/one' }),
    log: new FakeLog(),
  });
  ending.push(() => server.stop());
  return server.address;
}

/** Reads until the test ends. */
function watch(address: string, service: string) {
  const client = connectObserve(address);
  const signal = new AbortController();
  const views: DecisionView[] = [];
  const ended = client.watchDecisions(service, (view) => views.push(view), signal.signal);
  ended.catch(() => {});
  ending.push(() => {
    signal.abort();
    client.close();
  });
  return { views, ended, signal };
}

describe('Observe.WatchDecisions', () => {
  it('tells what stands first, then each decision that changes something', async () => {
    const feed = new FakeFeed();
    feed.decide('chat', 100);
    const first = feed.newest('chat')!;
    const { views, ended, signal } = watch(await serve(feed), 'chat');
    await until('the first', () => views.length === 1);
    feed.decide('chat', 200);
    feed.decide('embed', 1);
    await until('the second', () => views.length === 2);
    expect(views).toEqual([buildDecisionView(undefined, first), buildDecisionView(first, feed.newest('chat')!)]);
    expect(views[1]?.endpoints[0]).toMatchObject({ previousWeight: 100, weight: 200, clamps: ['Floor'] });
    signal.abort();
    expect(await ended).toEqual({ ok: true, value: undefined, warnings: [] });
    await until('nobody watches any more', () => feed.watchers.size === 0);
  });

  it('gives a slow reader the newest, with the number of those between, and holds nothing for it', async () => {
    const feed = new FakeFeed();
    feed.decide('chat', 1, 3000);
    const address = await serve(feed);
    const raw = new grpc.Client(address, grpc.credentials.createInsecure());
    ending.push(() => raw.close());
    const method = adminService('Observe').WatchDecisions!;
    const call = raw.makeServerStreamRequest(
      method.path,
      method.requestSerialize as (value: Wire) => Buffer,
      method.responseDeserialize as (bytes: Buffer) => Wire,
      { service: 'chat' },
    );
    call.on('error', () => {});
    const reader = new DecisionReader();
    const views: DecisionView[] = [];
    call.on('data', (wire: Wire) => {
      const view = reader.take(wire);
      if (view !== undefined) views.push(view);
    });
    await until('the first', () => views.length === 1);
    call.pause();
    // Some 0.7 MB each: far more than the flow control of the stream lets through.
    const TURNS = 200;
    for (let turn = 0; turn < TURNS; turn += 1) {
      feed.decide('chat', turn + 2, 3000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    call.resume();
    await until('the newest', () => views.at(-1)?.tick === TURNS + 1);
    expect(views.length).toBeLessThan(TURNS / 2);
    expect(views.length + views.reduce((sum, { skipped }) => sum + skipped, 0)).toBe(TURNS + 1);
    // What it was told before is what the next begins with.
    for (const [at, view] of views.slice(1).entries())
      expect(view.endpoints[0]?.previousWeight).toBe(views[at]?.endpoints[0]?.weight);
    call.cancel();
  });

  it('is for the services that the reader may view, and has one word for all others', async () => {
    const feed = new FakeFeed();
    feed.decide('chat', 1);
    feed.decide('embed', 1);
    const address = await serve(feed, 'chat');
    const all = watch(address, '');
    await until('the first', () => all.views.length === 1);
    feed.decide('embed', 2);
    feed.decide('chat', 2);
    await until('the second', () => all.views.length === 2);
    expect(all.views.map(({ service }) => service)).toEqual(['chat', 'chat']);
    const words = async (service: string) => {
      const ended = await watch(address, service).ended;
      return ended.ok ? 'ok' : ended.issues[0]?.message.replace(service, '');
    };
    expect(await words('embed')).toBe('no service ""; known: chat');
    expect(await words('nowhere')).toBe(await words('embed'));
    await expect(watch(await serve(feed, 'nothing'), '').ended).rejects.toMatchObject({
      message: expect.stringContaining('lacks the role Viewer (or Operator, Editor, Admin) for any model service'),
    });
  });

  it('ends with the service, and begins anew for one that comes back', async () => {
    const feed = new FakeFeed();
    feed.decide('chat', 1);
    feed.decide('embed', 1);
    const address = await serve(feed);
    const [one, all] = [watch(address, 'chat'), watch(address, '')];
    await until('the first', () => one.views.length === 1 && all.views.length === 2);
    feed.decided.delete('chat');
    feed.tell();
    expect(await one.ended).toMatchObject({ ok: false, issues: [{ message: 'no service "chat"; known: embed' }] });
    feed.decide('chat', 5);
    await until('it is back', () => all.views.length === 3);
    expect(all.views[2]).toMatchObject({ service: 'chat', complete: true, skipped: 0 });
  });

  it('cuts a decision about many endpoints into messages that any client takes', () => {
    const feed = new FakeFeed();
    feed.decide('chat', 1, 20_000);
    const view = buildDecisionView(undefined, feed.newest('chat')!);
    const wires = [...decisionMessages(view)];
    expect(wires.length).toBe(10);
    const reader = new DecisionReader();
    const read = wires.map((wire) => reader.take(wire));
    expect(read.slice(0, -1)).toEqual(wires.slice(1).map(() => undefined));
    expect(read.at(-1)).toEqual(view);
    const serialize = adminService('Observe').WatchDecisions!.responseSerialize as (value: Wire) => Buffer;
    expect(Math.max(...wires.map((wire) => serialize(wire).length))).toBeLessThan(2 * 1024 * 1024);
  });
});
