import { describe, expect, it } from 'vitest';
import { beliefEvents } from '../../../src/core/control/belief-events.ts';
import {
  type ControlState,
  endpointNotes,
  INITIAL_STATE,
  readLine,
  type TickOutput,
  tick,
  whyUnusable,
} from '../../../src/core/control/index.ts';
import type { LoadReport, PromptAnswer, PromptResult, Sample } from '../../../src/core/topology/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { loaded } from '../policy/load.ts';

const policyText = (keepWarm: string): string =>
  poolsPolicy(
    [
      { name: 'core', ports: [1, 2] },
      { name: 'spare', ports: [3, 4], lines: keepWarm },
    ],
    `  split: { mode: Failover, tiers: [[core], [spare]], failover: { firstTokenP95Above: 2s, returnAfter: 60s } }
  signals: { engine: {} }
`,
  );
const KEPT = loaded(policyText('      keepWarm: { model: llama, interval: 10s }\n'));
const LEFT = loaded(policyText(''));
const PER_SEC = 10;

/** Two core servers with requests and two spare ones without; an engine shows the work that it does for a prompt. */
class World {
  state: ControlState = INITIAL_STATE;
  nowMs = 1_800_000_000_000;
  result: PromptResult = { kind: 'Answered', firstByteSec: 0.1 };
  firstTokenSec = 0.2;
  prompts = 0;
  out: TickOutput | undefined;
  readonly events: string[] = [];
  readonly answered: PromptAnswer[] = [];
  readonly weights: string[] = [];
  readonly #policy;
  readonly #spareTokens = [0, 0];
  /** As the engine's page shows it: for a second there was one more request at the engine, and then there is one more token. */
  #working: readonly boolean[] = [false, false];
  #fast = 0;
  #all = 0;
  #pending: readonly PromptAnswer[] = [];

  constructor(policy = KEPT) {
    this.#policy = policy;
  }

  seconds(count: number): TickOutput {
    for (let i = 0; i < count; i += 1) {
      this.nowMs += 1000;
      this.#all += PER_SEC;
      if (this.firstTokenSec <= 1) this.#fast += PER_SEC;
      const answers = this.#pending;
      this.answered.push(...answers);
      const out = tick(this.state, {
        nowMs: this.nowMs,
        policy: this.#policy,
        endpointSets: staticEndpointSets(this.#policy),
        samples: this.#samples(),
        reports: [this.#report()],
        presence: [],
        ...(answers.length === 0 ? {} : { answers }),
      });
      this.#working = [3, 4].map((port) => out.prompts.some(({ endpoint }) => endpoint.endsWith(`:${port}`)));
      for (const [at, works] of this.#working.entries())
        if (works) this.#spareTokens[at] = (this.#spareTokens[at] ?? 0) + 1;
      this.#pending = out.prompts.map(({ endpoint }) => ({ endpoint, result: this.result }));
      this.prompts += out.prompts.length;
      this.events.push(
        ...beliefEvents(this.state, out).map(({ kind, subject, message }) => `${kind} ${subject} ${message}`),
      );
      this.weights.push(
        JSON.stringify(out.plan.decisions.chat?.endpoints.map(({ id, weight, share }) => [id, weight, share])),
      );
      this.state = out.state;
      this.out = out;
    }
    return this.out as TickOutput;
  }

  #samples(): readonly Sample[] {
    return [1, 2, 3, 4].flatMap((port) => {
      const spare = port - 3;
      const times = { source: 'engine', sampledAtMs: this.nowMs, changedAtMs: this.nowMs };
      const page = { subject: { address: '127.0.0.1', port }, ...times };
      const tokens = spare < 0 ? this.#all * 20 : (this.#spareTokens[spare] as number);
      const slow = spare < 0 ? this.#all - this.#fast : 0;
      const count = spare < 0 ? this.#all : (this.#spareTokens[spare] as number);
      return [
        { ...page, metric: 'runningRequests', value: spare < 0 ? 10 : this.#working[spare] === true ? 1 : 0 } as const,
        { ...page, metric: 'generationTokensTotal', value: tokens } as const,
        {
          ...page,
          metric: 'timeToFirstTokenSecondsCount',
          value: count,
          buckets: [
            [1, count - slow],
            [2.5, count - slow],
            [5, count],
          ],
        } as const,
      ];
    });
  }

  #report(): LoadReport {
    const away = (this.state.plan?.failovers?.chat?.percent ?? 0) / 100;
    const endpoints = [1 - away, 1 - away, away, away].map((part, i) => ({
      address: '127.0.0.1',
      port: i + 1,
      inProgress: Math.round(10 * part),
      issued: Math.round((PER_SEC / 2) * part),
      succeeded: Math.round((PER_SEC / 2) * part),
      errors: 0,
    }));
    const clusters = [{ cluster: 'chat', endpoints: endpoints.filter(({ issued }) => issued > 0) }];
    return { nodeId: 'a', receivedAtMs: this.nowMs, intervalMs: 1000, absentMeansIdle: true, clusters };
  }
}

describe('prompts that keep a standby warm, in a tick', () => {
  it('are for the servers without requests alone, and what is known of them is in words', () => {
    const world = new World();
    const out = world.seconds(60);
    expect(new Set(world.answered.map(({ endpoint }) => endpoint))).toEqual(
      new Set(['chat/spare/127.0.0.1:3', 'chat/spare/127.0.0.1:4']),
    );
    expect(world.prompts).toBeGreaterThanOrEqual(10);
    const notes = endpointNotes(world.state, out.loads.chat as NonNullable<typeof out.loads.chat>);
    expect(notes.get('chat/spare/127.0.0.1:3')?.at(-1)).toMatch(/^warm for \d+ s: answered in 0\.10 s, \d+ s ago$/);
    expect(world.events).toEqual([]);
  });

  it('move no weight, no share and nothing that is sent, although the engines show the work', () => {
    const [kept, left] = [new World(KEPT), new World(LEFT)];
    kept.seconds(300);
    left.seconds(300);
    expect(kept.prompts).toBeGreaterThan(50);
    expect(left.prompts).toBe(0);
    expect(kept.weights).toEqual(left.weights);
    expect(kept.out?.plan.sequence).toBe(left.out?.plan.sequence);
    const beliefs = ({ out }: World) =>
      out?.loads.chat?.endpoints.map(({ logCapacity, foreign, inFlight, slots }) => ({
        logCapacity,
        foreign,
        inFlight,
        slots,
      }));
    expect(beliefs(kept)).toEqual(beliefs(left));
  });

  it('keep a slow tier from a cold one, and say so; a warm one has its requests', () => {
    const world = new World();
    world.result = { kind: 'TimedOut', afterSec: 30 };
    world.seconds(40);
    world.firstTokenSec = 4;
    const cold = world.seconds(60);
    expect(cold.plan).not.toHaveProperty('failovers');
    expect(world.state.failover?.chat?.reason).toMatch(
      /^core has everything: first token p95 \d\.\d\d s .*; 2 of 2 servers of spare are cold \(no answer to prompts in time\): it gets nothing for slowness$/,
    );
    expect(world.events.filter((event) => event.startsWith('EndpointCold'))).toEqual([
      expect.stringContaining('no answer within 30 s'),
      expect.stringContaining('no answer within 30 s'),
    ]);
    world.result = { kind: 'Answered', firstByteSec: 0.1 };
    const warm = world.seconds(60);
    expect(warm.plan.failovers?.chat?.percent).toBe(100);
    expect(world.events.filter((event) => event.startsWith('EndpointWarm')).length).toBe(2);
  });

  it('that are answered with a 4xx are the fault of the policy: it is told once, and nobody is cold', () => {
    const world = new World();
    world.result = { kind: 'Status', status: 404 };
    world.seconds(120);
    expect(world.events.map((event) => event.split(' ')[0])).toEqual(['PromptRefused', 'PromptRefused']);
    expect(Object.values(world.state.warmth?.chat ?? {}).map(({ belief }) => belief)).toEqual(['Unknown', 'Unknown']);
  });

  it('leave no trace in what is remembered of a policy without them', () => {
    const world = new World(LEFT);
    world.seconds(3);
    expect(world.state).not.toHaveProperty('warmth');
  });

  it('are remembered in a checkpoint, and what somebody made of it is forgotten', () => {
    const world = new World();
    world.seconds(30);
    const stored = JSON.parse(JSON.stringify(world.state)) as ControlState;
    expect(whyUnusable(stored, KEPT, staticEndpointSets(KEPT), [], world.nowMs)).toBeUndefined();
    const one = { ...stored.warmth?.chat?.['chat/spare/127.0.0.1:3'], idleSec: 'long' };
    world.state = { ...stored, warmth: { chat: { 'chat/spare/127.0.0.1:3': one } } } as unknown as ControlState;
    expect(whyUnusable(world.state, KEPT, staticEndpointSets(KEPT), [], world.nowMs)).toBeUndefined();
    const before = world.prompts;
    world.seconds(12);
    expect(world.prompts - before).toBeGreaterThanOrEqual(2);
  });

  it('have answers that a recording keeps', () => {
    const answers: PromptAnswer[] = [
      { endpoint: 'a', result: { kind: 'Answered', firstByteSec: 0.2 } },
      { endpoint: 'b', result: { kind: 'Status', status: 503 } },
      { endpoint: 'c', result: { kind: 'TimedOut', afterSec: 30 } },
      { endpoint: 'd', result: { kind: 'Failed', why: 'connection refused' } },
      { endpoint: 'e', result: { kind: 'Unsent', why: 'too many' } },
    ];
    const line = { kind: 'Tick', nowMs: 1, samples: [], reports: [], presence: [], answers, decisions: {} };
    expect(readLine(JSON.stringify(line))).toMatchObject({ ok: true, line: { answers } });
    const odd = { ...line, answers: [{ endpoint: 'a', result: { kind: 'Answered' } }] };
    expect(readLine(JSON.stringify(odd))).toMatchObject({ ok: false });
  });
});
