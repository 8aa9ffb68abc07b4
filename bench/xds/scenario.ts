import { median } from '../median.ts';
import type { Certificates } from './certificates.ts';
import { makeChanges, sustainChanges } from './changes.ts';
import type { Figures } from './figures.ts';
import type { AnswerTo } from './messages.ts';
import type { Options } from './options.ts';
import { Session, type SessionOptions } from './session.ts';
import { type Shape, shapeText } from './shape.ts';

/** Of all streams at once, beside that whose other figures are taken. */
const MORE_OPENINGS = 2;
const INTERVAL_MS = 200;
const NODE_INTERVAL_MS = 1000;
const MAX_TLS_STREAMS = 5000;
const MAX_STALL_STREAMS = 500;
const MAX_NODE_STREAMS = 1000;
const STALLED_RATIO = 0.02;
const ENVOY_1_36_NODE = { paddingBytes: 50_000, inEveryRequest: true };

export type ScenarioKind = 'load' | 'tls' | 'stall' | 'node';

/** One block of the table: all servers go through it one after the other. */
export type Scenario = {
  readonly kind: ScenarioKind;
  readonly title: string;
  readonly shape: Shape;
  readonly streams: number;
  readonly run: (start: Pick<SessionOptions, 'server' | 'built'>) => Promise<Figures>;
};

/** What the options ask for; without certificates there is no scenario with TLS. */
export function planScenarios(options: Options, certificates: Certificates | undefined): readonly Scenario[] {
  const { shapes, streams, kinds } = options;
  const most = Math.max(...streams);
  // The large assignment is where bytes that pile up are felt.
  const largest = shapes.at(-1) as Shape;
  const scenarios: Scenario[] = [];
  if (kinds.includes('load')) {
    for (const shape of shapes) for (const count of streams) scenarios.push(load(options, shape, count, undefined));
  }
  if (kinds.includes('tls') && certificates !== undefined) {
    for (const shape of shapes) scenarios.push(load(options, shape, Math.min(most, MAX_TLS_STREAMS), certificates));
  }
  if (kinds.includes('stall')) scenarios.push(stall(options, largest, Math.min(most, MAX_STALL_STREAMS)));
  if (kinds.includes('node')) scenarios.push(largeNode(options, shapes[0] as Shape, Math.min(most, MAX_NODE_STREAMS)));
  return scenarios;
}

function load(options: Options, shape: Shape, streams: number, certificates: Certificates | undefined): Scenario {
  const secure = certificates === undefined ? {} : { certificates };
  return {
    kind: certificates === undefined ? 'load' : 'tls',
    title: `${shapeText(shape)}, ${streams} streams${certificates === undefined ? '' : ', mutual TLS'}`,
    shape,
    streams,
    run: async (start) => {
      const fresh = { ...start, ...secure, shape, streams };
      const openings: AnswerTo<'open'>[] = [];
      // One figure of a second or two is the host's as much as the server's: fresh processes, and the median.
      for (let more = secure.certificates === undefined ? MORE_OPENINGS : 0; more > 0; more -= 1)
        openings.push(await Session.run(fresh, (session) => session.open()));
      return Session.run(fresh, async (session) => {
        const idleKib = session.server.rssKib();
        const opened = await session.open();
        const rssPerStreamKib = (session.server.rssKib() - idleKib) / streams;
        const changes = { count: options.rounds, intervalMs: INTERVAL_MS, receivers: streams };
        const changed = await makeChanges(session, changes);
        const sustained = await sustainChanges(session, options.sustainMs);
        const reconnected = await session.reconnect();
        openings.push(opened);
        return {
          syncP50Ms: median(openings.map(({ p50Ms }) => p50Ms)),
          syncMaxMs: median(openings.map(({ maxMs }) => maxMs)),
          retries: opened.retries + reconnected.retries,
          rssPerStreamKib,
          ...changed,
          ...sustained,
          reconnectP50Ms: reconnected.p50Ms,
          reconnectMaxMs: reconnected.maxMs,
          resourcesAgain: reconnected.resourcesAgain,
        };
      });
    },
  };
}

/** Readers that hang must cost the others nothing, and the server no more than what is under way to them. */
function stall(options: Options, shape: Shape, streams: number): Scenario {
  const stalled = Math.max(1, Math.round(streams * STALLED_RATIO));
  return {
    kind: 'stall',
    title: `${shapeText(shape)}, ${stalled} of ${streams} readers stalled`,
    shape,
    streams,
    run: (start) =>
      Session.run({ ...start, shape, streams }, async (session) => {
        await session.open();
        const changes = { count: options.rounds, intervalMs: INTERVAL_MS };
        const { p99Ms, cpuPerReceiptUs } = await makeChanges(session, { ...changes, receivers: streams });
        await session.stall(stalled);
        const beforeKib = session.server.rssKib();
        const others = await makeChanges(session, { ...changes, receivers: streams - stalled });
        return only({
          p99Ms,
          cpuPerReceiptUs,
          stalledP99Ms: others.p99Ms,
          stalledCpuPerReceiptUs: others.cpuPerReceiptUs,
          stalledRssKib: session.server.rssKib() - beforeKib,
          missing: others.missing,
        });
      }),
  };
}

/** Envoy 1.36 and 1.37 send their whole node with every ACK: it must be stepped over, not read. */
function largeNode(options: Options, shape: Shape, streams: number): Scenario {
  return {
    kind: 'node',
    title: `${shapeText(shape)}, ${streams} streams, 50 KB node in each request, one change a second`,
    shape,
    streams,
    run: (start) =>
      Session.run({ ...start, shape, streams, node: ENVOY_1_36_NODE }, async (session) => {
        const { maxMs } = await session.open();
        await session.server.lagP99Ms();
        const count = Math.ceil(options.rounds / 2);
        const changed = await makeChanges(session, { count, intervalMs: NODE_INTERVAL_MS, receivers: streams });
        return only({ syncMaxMs: maxMs, ...changed, lagP99Ms: await session.server.lagP99Ms() });
      }),
  };
}

function only(figures: Record<string, number | undefined>): Figures {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
}
