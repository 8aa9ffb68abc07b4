import { describe, expect, it } from 'vitest';
import type { Metric, Sample, Subject } from '../../../src/core/topology/index.ts';
import { Outbox } from '../../../src/edge/agent/outbox.ts';
import { Placement } from '../../../src/edge/agent/placement.ts';

const ENGINE: Subject = { address: '10.0.0.1', port: 8000 };

function sample(metric: Metric, value: number, atMs: number, rest: Partial<Sample> = {}): Sample {
  return { subject: ENGINE, metric, value, sampledAtMs: atMs, changedAtMs: atMs, source: 'engine', ...rest };
}

describe('the outbox of an agent', () => {
  it('sends a value once, and then its name while it stays', () => {
    const outbox = new Outbox();
    outbox.take([sample('runningRequests', 4, 1000), sample('waitingRequests', 0, 1000)]);
    expect(outbox.next(1200)).toEqual([
      {
        subject: ENGINE,
        ageMs: 200,
        readings: [
          { metric: 'runningRequests', value: 4, unchangedForMs: 0 },
          { metric: 'waitingRequests', value: 0, unchangedForMs: 0 },
        ],
        unchanged: [],
        partitioned: false,
      },
    ]);
    outbox.take([sample('runningRequests', 5, 2000), sample('waitingRequests', 0, 2000, { changedAtMs: 1000 })]);
    expect(outbox.next(2000)).toMatchObject([
      { readings: [{ metric: 'runningRequests', value: 5 }], unchanged: ['waitingRequests'] },
    ]);
  });

  it('says nothing about what was not read again: silence, not "unchanged"', () => {
    const outbox = new Outbox();
    outbox.take([sample('runningRequests', 4, 1000)]);
    outbox.next(1000);
    expect(outbox.next(2000)).toEqual([]);
  });

  it('sends the newest of what waited, with its real age', () => {
    const outbox = new Outbox();
    for (let sec = 1; sec <= 20; sec++) outbox.take([sample('runningRequests', sec, sec * 1000)]);
    expect(outbox.next(22_000)).toMatchObject([{ ageMs: 2000, readings: [{ value: 20 }] }]);
  });

  it('sends everything on a new stream, with how long it has been so, but nothing that is long gone', () => {
    const outbox = new Outbox();
    outbox.take([sample('runningRequests', 4, 9000, { changedAtMs: 2000 }), sample('kvUsageRatio', 0.5, -60_000)]);
    outbox.next(9000);
    outbox.reset();
    expect(outbox.next(9500)).toMatchObject([
      { ageMs: 500, readings: [{ metric: 'runningRequests', value: 4, unchangedForMs: 7000 }], unchanged: [] },
    ]);
  });

  it('sends a subject whole again after a part of it was refused', () => {
    const outbox = new Outbox();
    const other = { subject: { ...ENGINE, port: 8001 } };
    const read = (atMs: number) => [sample('runningRequests', 4, atMs), sample('runningRequests', 4, atMs, other)];
    outbox.take(read(1000));
    outbox.next(1000);
    outbox.answered({ leaseMs: 9000, refusals: [{ subject: ENGINE, reason: 'NotHeld', message: '' }] });
    outbox.take(read(2000));
    expect(outbox.next(2000).map(({ readings, unchanged }) => [readings.length, unchanged.length])).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  it('sends a value again that the server has forgotten with its lease', () => {
    const outbox = new Outbox();
    const sent = (atMs: number): readonly number[] => {
      outbox.take([sample('gpuUtilRatio', 0.5, atMs)]);
      const [report] = outbox.next(atMs);
      outbox.answered({ leaseMs: 5000, refusals: [] });
      return [report?.readings.length ?? 0, report?.unchanged.length ?? 0];
    };
    expect([1000, 6000, 11_001].map(sent)).toEqual([
      [1, 0],
      [0, 1],
      [1, 0],
    ]);
  });

  it('keeps values of one subject that were read at different times apart', () => {
    const outbox = new Outbox();
    outbox.take([sample('runningRequests', 4, 1000), sample('waitingRequests', 1, 700)]);
    expect(outbox.next(1000).map(({ ageMs }) => ageMs)).toEqual([0, 300]);
  });

  it('cuts what is too much for one message, and sends the rest with the next', () => {
    const outbox = new Outbox();
    const gpus = Array.from({ length: 200 }, (_, i) =>
      sample('gpuUtilRatio', 0.5, 1000, { subject: { ...ENGINE, gpu: `GPU-${i}` }, device: 'Partitioned' }),
    );
    outbox.take(gpus);
    expect(outbox.next(1000)).toHaveLength(120);
    const rest = outbox.next(1000);
    expect(rest).toHaveLength(80);
    expect(rest[0]).toMatchObject({ subject: { gpu: 'GPU-120' }, partitioned: true });
  });
});

describe('whose a GPU is', () => {
  const gpu = (uuid: string) => sample('gpuUtilRatio', 0.5, 0, { subject: { gpu: uuid } });
  const at = (port: number) => ({ address: '10.0.0.1', port });

  it('is the one endpoint of the machine', () => {
    const placement = new Placement({ endpoints: [at(8000)], node: 'n1' });
    expect(placement.place(gpu('GPU-a'))?.subject).toEqual({ ...at(8000), node: 'n1', gpu: 'GPU-a' });
  });

  it('is the endpoint that names it, its parts included, and nobody where all GPUs are given away', () => {
    const placement = new Placement({
      endpoints: [
        { ...at(1), gpus: ['GPU-a', 'GPU-b'] },
        { ...at(2), gpus: ['GPU-c/3'] },
      ],
    });
    expect(
      ['GPU-a', 'GPU-b', 'GPU-c/3', 'GPU-a/1', 'GPU-c', 'GPU-d'].map((one) => placement.place(gpu(one))?.subject.port),
    ).toEqual([1, 1, 2, 1, undefined, undefined]);
    const rest = new Placement({ endpoints: [{ ...at(1), gpus: ['GPU-a'] }, at(2)] });
    expect(['GPU-a', 'GPU-d'].map((one) => rest.place(gpu(one))?.subject.port)).toEqual([1, 2]);
  });

  it('is whoever the node, the pod or its own labels mean, where no endpoint is given', () => {
    expect(new Placement({ endpoints: [], node: 'n1', pod: 'p' }).place(gpu('GPU-a'))?.subject).toEqual({
      node: 'n1',
      pod: 'p',
      gpu: 'GPU-a',
    });
    const labelled = sample('gpuUtilRatio', 0.5, 0, { subject: { gpu: 'GPU-a', pod: 'llama-3' } });
    expect(new Placement({ endpoints: [], pod: 'agent' }).place(labelled)?.subject.pod).toBe('llama-3');
    expect(new Placement({ endpoints: [] }).place(gpu('GPU-a'))).toBeUndefined();
  });

  it('leaves the values of engines alone', () => {
    const one = sample('runningRequests', 1, 0);
    expect(new Placement({ endpoints: [at(1)] }).place(one)).toBe(one);
  });
});
