import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { connectPush, createAdminServer, type PushClient, type PushSeam } from '../../../src/edge/admin/index.ts';
import { decodeAnswer, decodePush, encodeAnswer, encodePush } from '../../../src/edge/admin/push-message.ts';
import { signalsService } from '../../../src/edge/admin/push-service.ts';
import type { Wire } from '../../../src/edge/admin/wire-values.ts';
import type { Push, PushAnswer, PushRefusalReason } from '../../../src/edge/signals/index.ts';
import { METRICS } from '../../../src/edge/signals/sources/push/metric-range.ts';
import { FakeLog } from '../observe/fake-log.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const PUSH: Push = {
  uptimeMs: 1234.5,
  reports: [
    {
      subject: { address: '10.0.0.1', port: 8000, gpu: 'GPU-1' },
      ageMs: 250,
      readings: [{ metric: 'gpuUtilRatio', value: 0, unchangedForMs: 0 }],
      unchanged: ['smClockHertz', 'powerWatts'],
      partitioned: true,
    },
  ],
  problems: ['nvidia-smi: hangs'],
};
const ANSWER: PushAnswer = { leaseMs: 15_000, refusals: [{ subject: {}, reason: 'NoEndpoint', message: 'nobody' }] };

class FakeSeam implements PushSeam {
  readonly pushed: Push[] = [];
  readonly agents: string[] = [];
  ended = 0;
  refusal: string | undefined;
  answer: (push: Push) => PushAnswer = () => ANSWER;

  open(agent: string): ReturnType<PushSeam['open']> {
    if (this.refusal !== undefined) return { ok: false, message: this.refusal };
    this.agents.push(agent);
    return {
      ok: true,
      stream: {
        take: (push) => {
          this.pushed.push(push);
          return this.answer(push);
        },
        end: () => {
          this.ended += 1;
        },
      },
    };
  }
}

async function serve(seam: FakeSeam, log = new FakeLog()) {
  const never = () => {
    throw new Error('not asked');
  };
  const observe = { status: never, explain: never, proxyConfig: never };
  const server = await createAdminServer({ address: '127.0.0.1:0', observe, push: seam, log });
  ending.push(() => server.stop());
  return server;
}

function client(address: string, agent = 'node-a'): PushClient {
  const connected = connectPush(address, { agent, answerWithinMs: 3000 });
  ending.push(() => connected.close());
  return connected;
}

describe('the messages of a push', () => {
  const service = signalsService().Push!;

  it('have the metrics of the topology, and no others', () => {
    const proto = readFileSync('proto/loadline/signals/v1/signals.proto', 'utf8');
    const named = [...proto.matchAll(/^ {2}METRIC_([A-Z_]+) = [1-9]/gm)].map(([, name = '']) => name);
    const snake = METRICS.map((metric) => metric.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase());
    expect(named).toEqual(snake);
  });

  it('say the same on the other side of the wire', () => {
    const ratio = fc.double({ min: 0, max: 1e15, noNaN: true });
    const ms = fc.integer({ min: 0, max: 600_000 });
    const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme-ascii' });
    const subject = fc.record(
      { address: text, port: fc.integer({ min: 1, max: 65_535 }), pod: text, node: text, gpu: text },
      { requiredKeys: [] },
    );
    const metric = fc.oneof(
      fc.constantFrom(...METRICS),
      fc.integer({ min: 90, max: 99 }).map((one) => ({ unknown: String(one) })),
    );
    const push = fc.record({
      uptimeMs: ms,
      problems: fc.array(text),
      reports: fc.array(
        fc.record({
          subject,
          ageMs: ms,
          readings: fc.array(fc.record({ metric, value: ratio, unchangedForMs: ms })),
          unchanged: fc.array(metric),
          partitioned: fc.boolean(),
        }),
      ),
    });
    const over = (wire: Wire): Wire => service.requestDeserialize(service.requestSerialize(wire)) as Wire;
    fc.assert(
      fc.property(push, (one) => {
        expect(decodePush(over(encodePush(one, 7, 'a')))).toEqual({ agent: 'a', sequence: 7, push: one });
      }),
    );
    const reasons: readonly PushRefusalReason[] = [
      'NoEndpoint',
      'NotAllowed',
      'Superseded',
      'Age',
      'Metric',
      'Range',
      'NotHeld',
      'Limit',
    ];
    for (const reason of reasons) {
      const answer: PushAnswer = {
        leaseMs: undefined,
        refusals: [{ subject: { pod: 'p' }, metric: 'm', reason, message: 'w' }],
      };
      const wire = service.responseDeserialize(service.responseSerialize(encodeAnswer(answer, 3))) as Wire;
      expect(decodeAnswer(wire)).toEqual({ sequence: 3, answer });
    }
  });
});

describe('the Signals service', () => {
  it('hands pushes on and answers each, on one stream that names its agent once', async () => {
    const seam = new FakeSeam();
    const agent = client((await serve(seam)).address);
    expect(await agent.send(PUSH)).toEqual(ANSWER);
    expect(await agent.send(PUSH)).toEqual(ANSWER);
    expect(seam).toMatchObject({ agents: ['node-a'], pushed: [PUSH, PUSH], ended: 0 });
    agent.close();
    await expect.poll(() => seam.ended).toBe(1);
  });

  it.each([
    ['that names no agent', '', undefined, 1, /the first request of a stream names its agent/],
    ['that has no place', 'a', '3 agents are connected already', 1, /3 agents are connected already/],
    ['that says too much', 'a', undefined, 60, /more than 20 requests a second/],
  ])('ends a stream %s', async (_, name, refusal, times, message) => {
    const seam = new FakeSeam();
    seam.refusal = refusal;
    const agent = client((await serve(seam)).address, name);
    const talk = async (): Promise<void> => {
      for (let i = 0; i < times; i++) await agent.send(PUSH);
    };
    await expect(talk()).rejects.toMatchObject({ code: 'LOADLINE_ADMIN', message: expect.stringMatching(message) });
    await expect(agent.send(PUSH), 'and stays ended').rejects.toMatchObject({
      message: expect.stringMatching(message),
    });
    await expect.poll(() => seam.ended).toBe(seam.agents.length);
  });

  it('takes no message above 64 KiB', async () => {
    const agent = client((await serve(new FakeSeam())).address);
    const problems = ['x'.repeat(70_000)];
    await expect(agent.send({ ...PUSH, problems })).rejects.toMatchObject({
      message: expect.stringMatching(/larger than/),
    });
  });

  it('says nothing of its insides when it fails, and logs it', async () => {
    const seam = new FakeSeam();
    seam.answer = () => {
      throw new Error('the secret inside');
    };
    const log = new FakeLog();
    const agent = client((await serve(seam, log)).address);
    await expect(agent.send(PUSH)).rejects.toMatchObject({ message: expect.not.stringMatching(/secret/) });
    expect(JSON.stringify(log)).toContain('admin request failed');
  });

  it('ends at once when the server stops, and tells agents why', async () => {
    const seam = new FakeSeam();
    const server = await serve(seam);
    const agent = client(server.address);
    await agent.send(PUSH);
    await server.stop();
    await expect(agent.send(PUSH)).rejects.toMatchObject({ message: expect.stringMatching(/the server is ending/) });
    expect(seam.ended).toBe(1);
  });

  it('that is not there fails the push, in words', async () => {
    await expect(client('127.0.0.1:1').send(PUSH)).rejects.toMatchObject({
      code: 'LOADLINE_ADMIN',
      message: expect.stringMatching(/^the server at 127\.0\.0\.1:1 ended the stream: .*ECONNREFUSED/),
    });
  });
});
