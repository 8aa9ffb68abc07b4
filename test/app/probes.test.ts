import { describe, expect, it } from 'vitest';
import { ControlLoop } from '../../src/app/control-loop.ts';
import { ControlInbox } from '../../src/app/inbox.ts';
import { Probes } from '../../src/app/probes.ts';
import type { ProbeEvent, ProbeRequest } from '../../src/edge/admin/index.ts';
import { staticEndpointSets } from '../../src/edge/discovery/index.ts';
import { Fleet, fleetPolicy, weightsOf } from '../core/control/fleet.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';

const REQUEST: ProbeRequest = {
  service: 'chat',
  pool: 'gpu',
  address: '10.0.0.1:8000',
  stepRatio: 0.2,
  holdMs: 130_000,
  reason: 'a test',
};

/** A server's loop over a fleet at rest, and its probes. */
function world() {
  const fleet = new Fleet(fleetPolicy(), [30, 30, 30]);
  fleet.run(40);
  const inbox = new ControlInbox(() => {});
  const loop = new ControlLoop(inbox, () => []);
  loop.restore(JSON.parse(JSON.stringify(fleet.state)), fleet.nowMs);
  const happened: string[] = [];
  const probes = new Probes({
    loop,
    now: () => fleet.nowMs,
    log: new FakeLog(),
    happened: ({ kind, message }) => happened.push(`${kind} ${message}`),
  });
  const seconds = (count: number) => {
    for (let i = 0; i < count; i++) {
      fleet.run(1);
      for (const report of fleet.lastReports) inbox.report(report);
      const { policy, nowMs } = fleet;
      probes.ticked(
        loop.tick({ policy, endpointSets: staticEndpointSets(policy) }, nowMs, { perturbations: probes.perturbations }),
      );
    }
    return loop.plan === undefined ? [] : weightsOf(loop.plan);
  };
  seconds(2);
  return { probes, loop, seconds, happened };
}

const CALLER = { kind: 'Development' } as const;

describe('probes under way', () => {
  it('are input of the ticks until who asked goes away', () => {
    const { probes, seconds, happened } = world();
    const heard: ProbeEvent[] = [];
    const started = probes.probe(REQUEST, (event) => heard.push(event), CALLER);
    if (!started.ok) throw new Error(started.issues[0]?.message);
    expect(seconds(8)[0]).toBeGreaterThan(seconds(1)[1] as number);
    expect(probes.view('chat')).toMatchObject({ endpoint: 'chat/gpu/10.0.0.1:8000', factor: 1.2, reason: 'a test' });
    expect(heard.map(({ kind }) => kind)).toEqual(['Begun', ...Array.from({ length: 9 }, () => 'Going')]);
    expect(probes.probe(REQUEST, () => {}, CALLER)).toMatchObject({ ok: false, issues: [{ code: 'Refused' }] });
    started.cancel();
    started.cancel();
    expect(new Set(seconds(1)).size).toBe(1);
    expect(probes.view('chat')).toBeUndefined();
    expect(heard).toHaveLength(10);
    expect(happened.map((line) => line.split(' ')[0])).toEqual(['ProbeStarted', 'ProbeEnded']);
  });

  it('end with the server, and say so', () => {
    const { probes, seconds } = world();
    const heard: ProbeEvent[] = [];
    expect(probes.probe(REQUEST, (event) => heard.push(event), CALLER).ok).toBe(true);
    seconds(8);
    probes.stop();
    expect(heard.at(-1)).toEqual({ kind: 'Aborted', reason: 'the server stops' });
    expect(probes.perturbations).toEqual([]);
    expect(new Set(seconds(1)).size).toBe(1);
  });
});
