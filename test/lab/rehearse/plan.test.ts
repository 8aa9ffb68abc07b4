import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/units/index.ts';
import { type ServerProfile, STANDARD_PROFILE } from '../../../src/lab/modelserver/index.ts';
import { planRehearsal, type RehearsalInput } from '../../../src/lab/rehearse/index.ts';
import { drawArrivals } from '../../../src/lab/simulate/index.ts';
import { policyWith, pool, trace } from './policy.ts';

const slow: ServerProfile = { ...STANDARD_PROFILE, name: 'slow', speed: 0.5 };
const policy = policyWith(pool('gpu', 4));
const dns = policyWith('    - name: spot\n      endpoints: { dns: { name: spot.example, port: 9000 } }');
const file = 'day.csv';

function refusal(input: Partial<RehearsalInput>): string {
  try {
    planRehearsal({ policy, ...input });
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a rehearsal', () => {
  it('has the endpoints of the policy, and the profiles in their order, again from the first when there are fewer', () => {
    const { placed, scenario } = planRehearsal({ policy, profiles: [STANDARD_PROFILE, slow] });
    expect(placed.endpoints.map(({ id }) => id)).toEqual([1, 2, 3, 4].map((at) => `chat/gpu/10.0.3.${at}:8000`));
    expect(scenario.servers.map(({ profile }) => profile.speed)).toEqual([1, 0.5, 1, 0.5]);
    expect(scenario.servers[0]?.sensing).toMatchObject({ enginePeriodMs: 1000, gpuPeriodMs: undefined });
  });

  it('believes the policy where no profile says otherwise', () => {
    const two = policyWith(
      `${pool('gpu', 1, ', maxRunningRequests: 256')}\n${pool('a100', 1, ', maxRunningRequests: 128, capacity: 0.4')}`,
    );
    const { scenario, notes } = planRehearsal({ policy: two });
    expect(scenario.servers.map(({ profile }) => [profile.slots, profile.speed])).toEqual([
      [256, 1],
      [128, 0.8],
    ]);
    expect(notes[0]).toContain('no --profile');
  });

  it('says when the policy has another batch limit than the servers', () => {
    const wrong = policyWith(pool('gpu', 2, ', maxRunningRequests: 64'));
    expect(planRehearsal({ policy: wrong, profiles: [STANDARD_PROFILE] }).notes).toEqual([
      'the policy gives gpu/10.0.3.1:8000 maxRunningRequests 64, and its profile has 24 slots (so for 2 endpoints)',
    ]);
  });

  it('is told how many endpoints a pool has that does not list them', () => {
    const { placed } = planRehearsal({ policy: dns, endpoints: { spot: 3 } });
    expect(placed.endpoints.map(({ pool: name, port }) => `${name}:${port}`)).toEqual(Array(3).fill('spot:9000'));
    expect(refusal({ policy: dns })).toContain('say how many with --endpoints spot=4');
    expect(refusal({ endpoints: { gpu: 3 } })).toContain('pool gpu lists its endpoints');
    expect(refusal({ endpoints: { gpus: 3 } })).toContain('service chat has no pool gpus; its pools are gpu');
  });

  it('is of the first tier alone, and of nothing that the simulator has not: fixed shares, sessions', () => {
    const pools = `${pool('gpu', 2)}\n${pool('a100', 3)}`;
    const { placed, notes } = planRehearsal({ policy: policyWith(pools, '  split: { tiers: [[a100], [gpu]] }') });
    expect(placed.endpoints.map((one) => one.pool)).toEqual(['a100', 'a100', 'a100']);
    expect(notes).toContain('only the first tier is rehearsed (a100)');
    const fixed = policyWith(pools, '  split: { mode: Fixed, weights: { gpu: 1, a100: 1 } }');
    expect(refusal({ policy: fixed })).toContain('gives its pools fixed shares');
    const hashed = policyWith(pools, '  loadBalancer: { type: Maglev, hash: { header: x-session } }');
    expect(refusal({ policy: hashed })).toContain('picks servers by a hash (Maglev)');
  });

  it('replays a trace as it was recorded, faster, at a rate, or at a part of what the fleet can do', () => {
    const rows = trace();
    const rateOf = (input: Partial<RehearsalInput>): number =>
      planRehearsal({ policy, trace: { file, rows }, ...input }).traffic.ratePerSec;
    const recorded = rateOf({});
    expect(recorded).toBeCloseTo(5.29, 1);
    expect(rateOf({ speed: 2 })).toBeCloseTo(2 * recorded);
    expect(rateOf({ ratePerSec: 3 })).toBe(3);
    const half = planRehearsal({ policy, trace: { file, rows }, load: 0.5 });
    expect(half.traffic.load).toBeCloseTo(0.5);
    expect(half.traffic.ratePerSec).toBeCloseTo(0.5 * half.fullRates.reduce((sum, one) => sum + one, 0));
  });

  it('is as long as the trace, and takes all of it; shorter, each seed takes another part', () => {
    const rows = trace().slice(0, 500);
    const whole = planRehearsal({ policy, trace: { file, rows } }).scenario;
    expect(drawArrivals(whole, seededRandom(1))).toHaveLength(500);
    const part = planRehearsal({ policy, trace: { file, rows }, durationMs: 30_000 }).scenario;
    const [one, other] = [1, 2].map((seed) =>
      drawArrivals(part, seededRandom(seed)).map(({ promptTokens }) => promptTokens),
    );
    expect(one).not.toEqual(other);
    expect(drawArrivals(part, seededRandom(1)).at(-1)?.atMs).toBeLessThan(30_000);
  });

  it('has bursts whose mean is the rate that was asked for', () => {
    const { scenario } = planRehearsal({
      policy,
      ratePerSec: 20,
      durationMs: 400_000,
      burst: { factor: 3, everyMs: 40_000, forMs: 8000 },
    });
    const arrivals = drawArrivals(scenario, seededRandom(1));
    expect(arrivals.length / 400).toBeCloseTo(20, -0.5);
    const inBurst = arrivals.filter(({ atMs }) => atMs % 40_000 < 8000).length;
    expect(inBurst / arrivals.length).toBeCloseTo(0.43, 1);
  });

  it('can be about other weights than the policy has, and says when it sends equal ones', () => {
    const shadow = policyWith(pool('gpu', 2), '  loadBalancer: { weights: Shadow }');
    expect(planRehearsal({ policy: shadow }).notes.join()).toContain(
      'weights: Shadow sends equal weights; --weights Active',
    );
    const active = planRehearsal({ policy: shadow, weights: 'Active' });
    expect(active.scenario.governance?.policy.services[0]?.loadBalancer.weights).toBe('Active');
    expect(active.notes.join()).not.toContain('Shadow');
  });

  it.each<[string, Partial<RehearsalInput>, string]>([
    ['two rates', { ratePerSec: 5, load: 0.5 }, 'at most one of --speed, --rate and --load'],
    ['a speed of nothing', { speed: 2 }, '--speed is about a trace'],
    [
      'a burst in a trace',
      { trace: { file, rows: trace() }, burst: { factor: 2, everyMs: 10, forMs: 1 } },
      '--burst is about drawn requests',
    ],
    ['another service', { service: 'talk' }, 'the policy has no service talk; its services are chat'],
    ['more profiles than endpoints', { profiles: Array(5).fill(slow) }, 'there are 5 profiles for the 4 endpoints'],
    [
      'a warm-up that is all',
      { durationMs: 10_000, warmUpMs: 10_000 },
      'the warm-up (10s) leaves nothing of the run (10s)',
    ],
    ['days', { ratePerSec: 1000, durationMs: 86_400_000 }, '86400000 requests; expected at most 5000000'],
    [
      'servers that are too small',
      {
        profiles: [{ ...slow, kvTokens: 16 }],
        trace: {
          file,
          rows: [
            { atMs: 0, promptTokens: 50, outputTokens: 5 },
            { atMs: 1, promptTokens: 50, outputTokens: 5 },
          ],
        },
      },
      'no server can take any of the requests',
    ],
  ])('refuses %s', (_, input, words) => {
    expect(refusal(input)).toContain(words);
  });
});

describe('zones of a rehearsal', () => {
  const two = policyWith(`${pool('gpu', 2, ', zone: a')}\n${pool('a100', 2, ', zone: b')}`);

  it('are those of the endpoints, and sidecars are spread over them', () => {
    expect(planRehearsal({ policy: two, sidecars: 3, crossZoneMs: 5 }).scenario.zones).toEqual({
      ofServers: [0, 0, 1, 1],
      ofSidecars: [0, 1, 0],
      crossMs: 5,
    });
  });

  it('must be two at least', () => {
    expect(refusal({ crossZoneMs: 5 })).toContain('--cross-zone is about several zones');
  });
});

describe('what a server can do', () => {
  it('is what its engine ends with a queue before it: slots over the time of a request', () => {
    // Prompts of no length and equal answers: 24 slots, 80 ms a step, 101 tokens, the first of which is the prompt's.
    const rows = [0, 1].map((atMs) => ({ atMs, promptTokens: 1, outputTokens: 101 }));
    const { fullRates } = planRehearsal({
      policy,
      profiles: [STANDARD_PROFILE, slow],
      trace: { file, rows },
      durationMs: 10_000,
      ratePerSec: 1,
    });
    const full = 24 / (100 * 0.08);
    expect(fullRates[0]! / full).toBeCloseTo(1, 1);
    expect(fullRates[1]! / full).toBeCloseTo(0.5, 1);
  });

  it('is what the shapes of the suite were made for', () => {
    const wide = {
      ...STANDARD_PROFILE,
      slots: 64,
      stepMs: 15,
      bend: 1.5,
      decodeDuringPrefill: 0.6,
      kvTokens: 64 * 1900,
    };
    const [rate] = planRehearsal({ policy, profiles: [wide] }).fullRates;
    expect(rate).toBeGreaterThan(5.4);
    expect(rate).toBeLessThan(6.1);
  });
});
