import { describe, expect, it } from 'vitest';
import {
  type Perturbation,
  type ProbePlan,
  ProbeRun,
  type ProbeStep,
  planProbe,
  WATCH_MS,
} from '../../../../src/core/control/index.ts';
import { staticEndpointSets } from '../../../../src/edge/discovery/index.ts';
import { Fleet, fleetPolicy, weightsOf } from '../fleet.ts';

const TARGET = 'chat/gpu/10.0.0.1:8000';

/** A fleet whose even load has come to rest. */
function rested(lines = '', servers = 3): Fleet {
  const fleet = new Fleet(
    fleetPolicy({ lines, servers }),
    Array.from({ length: servers }, () => 30),
  );
  fleet.run(40);
  return fleet;
}

function ask(fleet: Fleet, over: Partial<Perturbation> = {}): Perturbation {
  return {
    kind: 'Probe',
    service: 'chat',
    endpoint: TARGET,
    stepRatio: 0.2,
    startAtMs: fleet.nowMs + WATCH_MS,
    holdMs: 130_000,
    reason: 'a test',
    ...over,
  };
}

function plan(
  fleet: Fleet,
  over: Partial<Perturbation> = {},
  facts: { perturbations?: Perturbation[]; moving?: boolean } = {},
) {
  const { state, loads } = fleet;
  return planProbe({ state, loads, perturbations: [], moving: false, ...facts }, ask(fleet, over));
}

const refusal = (answer: ReturnType<typeof plan>) =>
  answer.ok ? 'taken' : `${answer.issues[0].code}: ${answer.issues[0].message}`;

/** Ticks of a fleet with a probe, until it is over. */
function run(
  fleet: Fleet,
  probe: ProbeRun,
  onTick: (second: number) => Partial<Parameters<ProbeRun['take']>[0]> = () => ({}),
) {
  const steps: ProbeStep[] = [];
  const weights: (readonly number[])[] = [];
  for (let second = 0; second < 400; second++) {
    fleet.perturbations = [probe.perturbation];
    const out = fleet.run(1);
    weights.push(weightsOf(out));
    const step = probe.take({
      nowMs: fleet.nowMs,
      decision: out.decisions.chat,
      endpoints: out.endpoints.chat ?? [],
      load: fleet.loads.chat,
      moving: false,
      active: true,
      ...onTick(second),
    });
    steps.push(step);
    if (step.kind !== 'Going') break;
  }
  fleet.perturbations = [];
  return { steps, weights, last: steps.at(-1) as ProbeStep };
}

function begin(fleet: Fleet): ProbeRun {
  const planned = plan(fleet);
  if (!planned.ok) throw new Error(planned.issues[0].message);
  return new ProbeRun(ask(fleet), planned.value as ProbePlan, fleet.state.plan?.endpoints.chat ?? []);
}

describe('a probe', () => {
  it('moves the weight up, down and back, and measures the delay and the gain of the fleet', () => {
    const fleet = rested();
    const before = weightsOf(fleet.state.plan!);
    const { last, steps, weights } = run(fleet, begin(fleet));
    const factors = steps.flatMap((step) => (step.kind === 'Going' ? [step.progress.factor] : []));
    expect(new Set(factors)).toEqual(new Set([1, 1.2, 1 / 1.2]));
    expect(weights.some(([first, second]) => first! > second!)).toBe(true);
    expect(weights.some(([first, second]) => first! < second!)).toBe(true);
    expect(weights.at(-1)).toEqual(before);
    if (last.kind !== 'Ended' || last.measure === undefined) throw new Error(`it ended as ${last.kind}`);
    const { delaySec, gain, expectedGain } = last.measure;
    expect(delaySec.low).toBeLessThanOrEqual(1);
    expect(delaySec.value).toBeLessThan(5);
    expect(gain.low).toBeLessThanOrEqual(expectedGain);
    expect(gain.high).toBeGreaterThanOrEqual(expectedGain);
    expect(gain.value).toBeGreaterThan(0.2);
  });

  it('leaves nothing behind when it is dropped, in the state neither', () => {
    const fleet = rested();
    const probe = begin(fleet);
    fleet.perturbations = [probe.perturbation];
    expect(fleet.run(8).decisions.chat?.perturbed).toBe(true);
    // A server that starts again from the checkpoint knows of no probe.
    fleet.perturbations = [];
    fleet.state = JSON.parse(JSON.stringify(fleet.state));
    const after = fleet.run(1);
    expect(after.decisions.chat?.perturbed).toBeUndefined();
    expect(new Set(weightsOf(after)).size).toBe(1);
  });

  it('ends early when what it measures changes by itself', () => {
    for (const [over, why] of [
      [{ moving: true }, 'on their way'],
      [{ active: false }, 'does not send computed weights'],
      [{ endpoints: [] }, 'came, went or drain'],
      [{ decision: undefined }, 'not there any more'],
    ] as const) {
      const fleet = rested();
      const { last, steps } = run(fleet, begin(fleet), (second) => (second === 3 ? over : {}));
      expect(steps).toHaveLength(4);
      expect(last).toMatchObject({ kind: 'Aborted', reason: expect.stringContaining(why) });
    }
  });
});

describe('a probe is refused', () => {
  it('for what is not there, and for numbers out of their range', () => {
    const fleet = rested();
    expect(refusal(plan(fleet, { service: 'constructor' }))).toBe('NotFound: no service "constructor"');
    expect(refusal(plan(fleet, { endpoint: 'chat/gpu/10.0.0.9:1' }))).toMatch(/^NotFound: no endpoint/);
    for (const stepRatio of [0, -0.1, 0.21, Number.NaN])
      expect(refusal(plan(fleet, { stepRatio }))).toMatch(/^Invalid: a step of .*expected 1 % to 20 %/);
    for (const holdMs of [0, 4999, 300_001, Number.NaN])
      expect(refusal(plan(fleet, { holdMs }))).toMatch(/^Invalid: a hold of .*expected 5 s to 5 min/);
    expect(refusal(plan(fleet))).toBe('taken');
  });

  it('where too few requests would pass, with the step or the hold that would do', () => {
    const fleet = rested();
    const asked = refusal(plan(fleet, { stepRatio: 0.05, holdMs: 130_000 }));
    expect(asked).toMatch(
      /^Refused: a step of 5 % needs \d+ requests of the service; in 260 s it has \d+: use --step 20%$/,
    );
    expect(refusal(plan(fleet, { holdMs: 30_000 }))).toMatch(/: use --step 20% --hold \d+s$/);
    const silent = new Fleet(fleetPolicy(), [30, 30, 30]);
    silent.run(2);
    expect(refusal(plan(silent, { holdMs: 5000 }))).toMatch(/not even --step 20% --hold 5m|--hold/);
  });

  it('while a probe runs or shares move, and where weights are not sent or there is nothing to move', () => {
    const fleet = rested();
    expect(refusal(plan(fleet, {}, { perturbations: [ask(fleet)] }))).toContain(
      'a probe of chat/gpu/10.0.0.1:8000 runs (a test)',
    );
    expect(refusal(plan(fleet, {}, { perturbations: [ask(fleet, { service: 'embed' })] }))).toBe('taken');
    expect(refusal(plan(fleet, {}, { moving: true }))).toContain('on their way');
    expect(refusal(plan(rested('', 1)))).toContain('the only endpoint');
    for (const weights of ['Shadow', 'Disabled'])
      expect(refusal(plan(rested(`  loadBalancer: { weights: ${weights} }\n`)))).toContain(
        `weights of chat are ${weights}`,
      );
    const zoned = rested('  loadBalancer: { trafficDistribution: PreferSameZone }\n');
    expect(refusal(plan(zoned))).toContain('requests of chat stay in their zone');
  });

  it('while an endpoint drains, and where no sidecar reports', () => {
    const fleet = rested();
    fleet.nowMs += 1000;
    const sets = staticEndpointSets(fleet.policy).map((set) => ({
      ...set,
      endpoints: set.endpoints.map((one, i) => (i === 2 ? { ...one, lifecycle: 'Draining' as const } : one)),
    }));
    fleet.tick({ endpointSets: sets });
    expect(refusal(plan(fleet))).toContain('10.0.0.3:8000 drains');
    const silent = rested();
    silent.nowMs += 20_000;
    silent.tick();
    expect(refusal(plan(silent))).toContain('no sidecar reports');
  });
});
