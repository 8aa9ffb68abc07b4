import { beforeEach, describe, expect, it } from 'vitest';
import type { Metric, Subject } from '../../../../src/core/topology/index.ts';
import { type Endpoint, endpointId } from '../../../../src/core/topology/index.ts';
import {
  type PushAnswer,
  type PushMeter,
  PushReceiver,
  type PushReport,
  type PushStream,
} from '../../../../src/edge/signals/index.ts';
import { FakeLog } from '../fake-log.ts';
import { policyOf, poolOf } from '../policy-of.ts';

const LEASE_MS = 15_000;

function endpoint(pool: string, last: number, rest: Partial<Endpoint> = {}): Endpoint {
  const address = `10.0.0.${last}`;
  const id = endpointId('chat', pool, address, 8000);
  return {
    id,
    service: 'chat',
    pool,
    address,
    port: 8000,
    incarnation: 's',
    capacity: 1,
    lifecycle: 'Active',
    ...rest,
  };
}

const ENDPOINTS = [
  endpoint('gpu', 1, { node: 'n1', pod: 'llama-0' }),
  endpoint('gpu', 2, { node: 'n2' }),
  endpoint('closed', 9),
];
const POLICY = policyOf('chat', [poolOf('gpu', { signals: { push: { leaseMs: LEASE_MS } } }), poolOf('closed')]);

class CountingMeter implements PushMeter {
  open = 0;
  values = 0;
  over = 0;
  takeovers = 0;
  readonly refusals: string[] = [];
  streams(open: number): void {
    this.open = open;
  }
  taken(values: number): void {
    this.values += values;
  }
  refused(reason: string): void {
    this.refusals.push(reason);
  }
  leaseOver(): void {
    this.over += 1;
  }
  tookOver(): void {
    this.takeovers += 1;
  }
}

let nowMs = 0;
let log = new FakeLog();
let meter = new CountingMeter();
let receiver: PushReceiver;

beforeEach(() => {
  nowMs = 1_000_000;
  log = new FakeLog();
  meter = new CountingMeter();
  receiver = new PushReceiver({ clock: () => nowMs, log, meter, maxStreams: 3 });
  receiver.configure(POLICY, ENDPOINTS);
});

const ONE: Subject = { address: '10.0.0.1', port: 8000 };

function report(subject: Subject, values: Partial<Record<Metric, number>>, rest: Partial<PushReport> = {}): PushReport {
  const readings = Object.entries(values).map(([metric, value]) => ({
    metric: metric as Metric,
    value,
    unchangedForMs: 0,
  }));
  return { subject, ageMs: 0, readings, unchanged: [], partitioned: false, ...rest };
}

/** An agent whose own clock stands elsewhere. */
class Agent {
  readonly stream: PushStream;
  constructor(name: string) {
    const opened = receiver.open(name);
    if (!opened.ok) throw new Error(opened.message);
    this.stream = opened.stream;
  }
  push(...reports: readonly PushReport[]): PushAnswer {
    return this.stream.take({ uptimeMs: nowMs - 999_000, reports, problems: [] });
  }
}

const errors = (): readonly (string | undefined)[] => receiver.health().map(({ lastError }) => lastError);

describe('what an agent pushes', () => {
  it('becomes samples about the endpoint, dated on our clock by its age, under its lease', () => {
    const answer = new Agent('node-a').push(report(ONE, { runningRequests: 4 }, { ageMs: 300 }));
    expect(answer).toEqual({ leaseMs: LEASE_MS, refusals: [] });
    expect(receiver.take()).toEqual([
      {
        subject: ONE,
        metric: 'runningRequests',
        value: 4,
        sampledAtMs: nowMs - 300,
        changedAtMs: nowMs - 300,
        source: 'push node-a',
        leaseMs: LEASE_MS,
      },
    ]);
    expect(receiver.take()).toEqual([]);
  });

  it('is joined as the control loop joins: by address and port, pod, node; a GPU keeps its name', () => {
    const agent = new Agent('a');
    for (const subject of [ONE, { pod: 'llama-0' }, { node: 'n1' }, { address: '10.0.0.1' }]) {
      agent.push(report({ ...subject, gpu: 'GPU-1' }, { gpuUtilRatio: 0.5 }));
      expect(receiver.take()).toMatchObject([{ subject: { ...ONE, gpu: 'GPU-1' }, device: 'Whole' }]);
    }
    agent.push(report({ ...ONE, gpu: 'GPU-1/2' }, { memoryUsedBytes: 5 }, { partitioned: true }));
    expect(receiver.take()).toMatchObject([{ subject: { gpu: 'GPU-1/2' }, device: 'Partitioned' }]);
  });

  it('may say that a value is as it was: read anew, and changed when it changed', () => {
    const agent = new Agent('a');
    agent.push(report(ONE, { runningRequests: 4, waitingRequests: 0 }));
    const changedAtMs = nowMs;
    nowMs += 1000;
    agent.push(report(ONE, { runningRequests: 5 }, { unchanged: ['waitingRequests'], ageMs: 100 }));
    expect(receiver.take().slice(2)).toMatchObject([
      { metric: 'runningRequests', value: 5, sampledAtMs: nowMs - 100, changedAtMs: nowMs - 100 },
      { metric: 'waitingRequests', value: 0, sampledAtMs: nowMs - 100, changedAtMs },
    ]);
  });

  it('on a new stream tells itself for how long it has been so', () => {
    const first = new Agent('a');
    first.push(report(ONE, { runningRequests: 4 }));
    const readings = [{ metric: 'runningRequests' as const, value: 4, unchangedForMs: 7000 }];
    new Agent('a').push({ ...report(ONE, {}), readings });
    expect(receiver.take().at(-1)).toMatchObject({ sampledAtMs: nowMs, changedAtMs: nowMs - 7000 });
  });

  it('grows old on the way: a stalled connection makes nothing fresh', () => {
    const agent = new Agent('a');
    agent.push(report(ONE, { runningRequests: 4 }));
    const sentAtMs = nowMs + 1000;
    nowMs = sentAtMs + 9000;
    agent.stream.take({ uptimeMs: sentAtMs - 999_000, reports: [report(ONE, { runningRequests: 5 })], problems: [] });
    expect(receiver.take().at(-1)).toMatchObject({ value: 5, sampledAtMs: sentAtMs });
  });
});

describe('what is refused of a push', () => {
  const refusal = (...reports: readonly PushReport[]): readonly string[] =>
    new Agent('a')
      .push(...reports)
      .refusals.map(({ reason, metric = '-', message }) => `${reason} ${metric}: ${message}`);

  it.each<[string, PushReport, string]>([
    [
      'who is not there',
      report({ address: '10.0.0.7', port: 8000 }, { runningRequests: 1 }),
      'NoEndpoint -: no endpoint of the policy is meant, or more than one',
    ],
    [
      'nobody at all',
      report({}, { runningRequests: 1 }),
      'NoEndpoint -: no endpoint of the policy is meant, or more than one',
    ],
    [
      'whom the policy keeps closed',
      report({ address: '10.0.0.9', port: 8000 }, { runningRequests: 1 }),
      'NotAllowed -: the policy of its pool has no signals.push',
    ],
    [
      'what is older than its lease',
      report(ONE, { runningRequests: 1 }, { ageMs: 15_001 }),
      'Age -: read 15.0 s ago, where its lease is 15 s',
    ],
    [
      'an age below 0',
      report(ONE, { runningRequests: 1 }, { ageMs: -5 }),
      'Age -: read -0.0 s ago, where its lease is 15 s',
    ],
    [
      'an age that is no number',
      report(ONE, { runningRequests: 1 }, { ageMs: Number.NaN }),
      'Age -: read NaN s ago, where its lease is 15 s',
    ],
    ['a ratio in per cent', report(ONE, { kvUsageRatio: 73 }), 'Range kvUsageRatio: is 73, outside 0..1'],
    ['what is no number', report(ONE, { runningRequests: Number.NaN }), 'Range runningRequests: is NaN'],
    [
      'what was never said to be so',
      report(ONE, {}, { unchanged: ['runningRequests'] }),
      'NotHeld runningRequests: the server has no value of it',
    ],
    [
      'a metric of the future',
      { ...report(ONE, {}), readings: [{ metric: { unknown: '42' }, value: 1, unchangedForMs: 0 }] },
      'Metric 42: is no metric that this server knows',
    ],
  ])('is %s', (_, one, expected) => {
    expect(refusal(one)).toEqual([expected]);
    expect(receiver.take()).toEqual([]);
    expect(meter).toMatchObject({ values: 0, refusals: [expected.split(' ')[0]] });
  });

  it('is only the bad part of it', () => {
    expect(refusal(report(ONE, { kvUsageRatio: 2, runningRequests: 3 }))).toHaveLength(1);
    expect(receiver.take()).toMatchObject([{ metric: 'runningRequests', value: 3 }]);
  });

  it('is the rest when an agent speaks for too much, and an answer stays short', () => {
    const many = Array.from({ length: 400 }, (_, i) => report({ ...ONE, gpu: `GPU-${i}` }, { gpuUtilRatio: 0.1 }));
    const { refusals } = new Agent('a').push(...many);
    expect(receiver.take()).toHaveLength(256);
    expect(refusals).toHaveLength(64);
    expect(meter.refusals.filter((reason) => reason === 'Limit')).toHaveLength(400 - 256);
  });

  it('is one agent too many', () => {
    const agents = ['a', 'b', 'c'].map((name) => new Agent(name));
    expect(receiver.open('d')).toEqual({ ok: false, message: '3 agents are connected already' });
    agents[0]?.stream.end();
    agents[0]?.stream.end();
    expect(receiver.open('d')).toMatchObject({ ok: true });
    expect(meter.open).toBe(3);
  });
});

describe('a lease', () => {
  it('that is over makes the endpoint unknown, which health, log and metrics say; and it is known with the next word', () => {
    const agent = new Agent('a');
    agent.push(report(ONE, { runningRequests: 4 }));
    nowMs += LEASE_MS;
    expect(errors()[0]).toBeUndefined();
    nowMs += 1;
    expect(errors()[0]).toBe('a is silent: its lease of 15 s is over');
    expect(meter.over).toBe(1);
    expect(log.lines.at(-1)).toBe('warn | pushed values are unknown | push a | a is silent: its lease of 15 s is over');
    expect(agent.push(report(ONE, {}, { unchanged: ['runningRequests'] })).refusals).toMatchObject([
      { reason: 'NotHeld' },
    ]);
    agent.push(report(ONE, { runningRequests: 4 }));
    expect(errors()[0]).toBeUndefined();
  });

  it('outlives its stream: a connection that breaks and comes back is no outage', () => {
    const agent = new Agent('a');
    agent.push(report(ONE, { runningRequests: 4 }));
    agent.stream.end();
    nowMs += 5000;
    expect(errors()[0]).toBeUndefined();
    new Agent('a').push(report(ONE, { runningRequests: 4 }));
    nowMs += 14_000;
    expect(errors()[0]).toBeUndefined();
  });

  it('counts for each device: an agent whose nvidia-smi hangs is silent about the GPU alone', () => {
    const agent = new Agent('a');
    agent.push(report(ONE, { runningRequests: 4 }), report({ ...ONE, gpu: 'GPU-1' }, { gpuUtilRatio: 0.5 }));
    for (let i = 0; i < 16; i++) {
      nowMs += 1000;
      agent.push(report(ONE, {}, { unchanged: ['runningRequests'] }));
    }
    expect(errors()[0]).toBe('GPU-1: a is silent: its lease of 15 s is over');
    nowMs += 601_000;
    agent.push(report(ONE, { runningRequests: 4 }));
    expect(errors()[0], 'a GPU that was taken out is not missed for ever').toBeUndefined();
  });

  it('is missed where nobody ever spoke, after its time', () => {
    expect(errors()).toEqual([undefined, undefined]);
    nowMs += LEASE_MS + 1;
    expect(errors()).toEqual(['no agent speaks for it', 'no agent speaks for it']);
    expect(receiver.health()[1]).toEqual({
      source: 'push 10.0.0.2:8000',
      service: 'chat',
      pool: 'gpu',
      lastSuccessMs: undefined,
      consecutiveFailures: 1,
      lastError: 'no agent speaks for it',
    });
  });

  it('ends with the permission', () => {
    new Agent('a').push(report(ONE, { runningRequests: 4 }));
    receiver.configure(policyOf('chat', [poolOf('gpu'), poolOf('closed')]), ENDPOINTS);
    expect(receiver.health()).toEqual([]);
    receiver.configure(POLICY, ENDPOINTS);
    nowMs += 1000;
    expect(meter.over).toBe(0);
  });
});

describe('two agents that speak of the same thing', () => {
  it('are told apart by their streams: the newer is heard, the older is told, and both are in the log', () => {
    const [old, young] = [new Agent('old'), new Agent('young')];
    old.push(report(ONE, { runningRequests: 1 }));
    young.push(report(ONE, { runningRequests: 2 }));
    expect(old.push(report(ONE, { runningRequests: 3 })).refusals).toMatchObject([
      { reason: 'Superseded', message: 'agent young, whose stream is newer, speaks for it' },
    ]);
    expect(receiver.take().map(({ value }) => value)).toEqual([1, 2]);
    expect(meter.takeovers).toBe(1);
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([
      'warn | two agents speak of the same thing: the newer stream is heard | push young',
    ]);
  });

  it('take turns when the newer one leaves, or falls silent', () => {
    const [old, young] = [new Agent('old'), new Agent('young')];
    young.push(report(ONE, { runningRequests: 2 }));
    nowMs += LEASE_MS + 1;
    expect(old.push(report(ONE, { runningRequests: 3 })).refusals).toEqual([]);
    expect(young.push(report(ONE, { runningRequests: 4 })).refusals).toEqual([]);
    young.stream.end();
    expect(old.push(report(ONE, { runningRequests: 5 })).refusals).toEqual([]);
  });

  it('may be one that came back before its old stream was known to be broken: nothing to tell', () => {
    new Agent('a').push(report(ONE, { runningRequests: 1 }));
    new Agent('a').push(report(ONE, { runningRequests: 2 }));
    expect(meter.takeovers).toBe(0);
    expect(receiver.take().map(({ value }) => value)).toEqual([1, 2]);
  });

  it('do not meet where one speaks of the engine and the other of the GPU', () => {
    const [engine, gpu] = [new Agent('engine'), new Agent('gpu')];
    for (let i = 0; i < 2; i++) {
      expect(engine.push(report(ONE, { runningRequests: 1 })).refusals).toEqual([]);
      expect(gpu.push(report({ ...ONE, gpu: 'GPU-1' }, { gpuUtilRatio: 1 })).refusals).toEqual([]);
    }
  });
});

describe('an agent that cannot read something', () => {
  it('says so, once in the log, and its endpoints show it', () => {
    const agent = new Agent('a');
    const problems = ['nvidia-smi: killed after 5000 ms\u001b[2J'];
    for (let i = 0; i < 3; i++) {
      agent.stream.take({ uptimeMs: 0, reports: [report(ONE, { runningRequests: 4 })], problems });
    }
    expect(errors()).toEqual(['a: nvidia-smi: killed after 5000 ms [2J', undefined]);
    agent.push(report(ONE, { runningRequests: 4 }));
    expect(errors()).toEqual([undefined, undefined]);
    expect(log.lines.slice(1)).toEqual([
      'warn | agent cannot read something | push a | nvidia-smi: killed after 5000 ms [2J',
      'info | agent reads everything again | push a',
    ]);
  });
});

describe('an agent that the access policy lets speak for some services alone', () => {
  it('is heard about those, and told why not about others', () => {
    const heard = (services: readonly string[]): readonly string[] => {
      const opened = receiver.open('node-1', (service) => services.includes(service));
      if (!opened.ok) throw new Error(opened.message);
      const push = { uptimeMs: 0, problems: [], reports: [report(ONE, { runningRequests: 1 })] };
      const { refusals } = opened.stream.take(push);
      opened.stream.end();
      return refusals.map(({ reason, message }) => `${reason}: ${message}`);
    };
    expect(heard(['embed'])).toEqual([
      'NotAllowed: the access policy does not let this agent speak for its model service',
    ]);
    expect(receiver.take()).toEqual([]);
    expect(heard(['chat'])).toEqual([]);
    expect(receiver.take()).toHaveLength(1);
  });
});
