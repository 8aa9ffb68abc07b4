import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FailoverState } from '../../../src/core/failover/index.ts';
import { core, Server, TwoTiers } from './plant.ts';

const FAILOVER = { firstTokenP95AboveMs: 2000, returnAfterMs: 60_000 };
const SLOW_SEC = 4;

function spare(slots = 64): Server {
  return new Server({ slots, prefillSec: 0.2, decodeSec: 2 });
}

function aWorld(given: { readonly perSec?: number; readonly slots?: number; readonly seed?: number } = {}): TwoTiers {
  const { perSec = 8, slots = 64, seed } = given;
  const world = new TwoTiers({
    servers: [core(), spare(slots)],
    perSec,
    failover: FAILOVER,
    ...(seed === undefined ? {} : { seed }),
  });
  world.seconds(40);
  return world;
}

/** Times at which a phase began, in seconds. */
function begun(states: readonly FailoverState[], phase: FailoverState['phase']): readonly number[] {
  return states.flatMap((state, i) => (i > 0 && state.phase === phase && states[i - 1]?.phase !== phase ? [i] : []));
}

describe('a first tier that is slow', () => {
  it('is left alone while it is fast', () => {
    const world = aWorld();
    const states = world.seconds(120);
    expect(states.every(({ phase, percent }) => phase === 'Home' && percent === 0)).toBe(true);
    expect(states.at(-1)?.reason).toMatch(
      /^core has everything: first token p95 0\.\d\d s of \d+ requests, limit 2 s$/,
    );
    expect(world.servers[1].issued).toBe(0);
  });

  it('is given up within a few seconds, not all at once, and has its requests back step by step', () => {
    const world = aWorld();
    world.servers[0].prefillSec = SLOW_SEC;
    const given = world.seconds(20);
    const [trippedAt] = begun(given, 'Away');
    expect(trippedAt).toBeLessThan(12);
    const steps = given.slice(trippedAt).map(({ percent }) => percent);
    expect(steps[0]).toBeLessThanOrEqual(25);
    expect(steps.at(-1)).toBe(100);
    expect(world.state?.reason).toMatch(/^all to spare: core is slow, first token p95 /);

    world.servers[0].prefillSec = 0.2;
    const after = world.seconds(200);
    const [returnsAt = 0] = begun(after, 'Returning');
    // The window must have forgotten what was slow, and then it waits.
    expect(returnsAt).toBeGreaterThanOrEqual(60);
    expect(returnsAt).toBeLessThan(105);
    const back = after.slice(returnsAt, returnsAt + 31).map(({ percent }) => percent);
    for (const [i, percent] of back.entries())
      if (i > 0) expect((back[i - 1] as number) - percent).toBeLessThanOrEqual(10);
    expect(after.at(-1)).toMatchObject({ phase: 'Home', percent: 0 });
  });

  it('keeps what the next one has no slots for', () => {
    for (const slots of [2, 16, 32])
      for (const seed of [1, 2]) {
        const world = aWorld({ perSec: 12, slots, seed });
        world.servers[0].prefillSec = SLOW_SEC;
        const states = world.seconds(180);
        const used = states.slice(60).reduce((sum, { percent }) => sum + percent, 0) / 120;
        const words = `${slots} slots, seed ${seed}: most ${world.servers[1].mostInFlight}, ${used.toFixed(0)} %`;
        if (process.env.DEBUG_FAILOVER) process.stdout.write(`${words}\n`);
        expect(world.servers[1].mostInFlight, words).toBeLessThanOrEqual(slots);
        expect(world.state?.phase, words).toBe('Away');
        if (slots >= 16) expect(used, words).toBeGreaterThan(15);
      }
  });

  it('stays as it is when the next one is slow as well', () => {
    const world = new TwoTiers({
      servers: [core(), new Server({ slots: 64, prefillSec: SLOW_SEC, decodeSec: 1 })],
      perSec: 20,
      failover: FAILOVER,
    });
    // It is heard of only when it is asked: through another client.
    const ask = () => {
      for (let i = 0; i < 3; i += 1) world.servers[1].take();
      return world.second();
    };
    for (let i = 0; i < 40; i += 1) ask();
    world.servers[0].prefillSec = SLOW_SEC;
    const states = Array.from({ length: 60 }, ask);
    expect(states.every(({ phase }) => phase === 'Home')).toBe(true);
  });

  it('goes back and forth at most once in ten minutes, however it flaps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 200 }),
        fc.integer({ min: 20, max: 200 }),
        fc.nat(),
        (slow, well, seed) => {
          const world = aWorld({ seed });
          const states: FailoverState[] = [];
          for (let second = 0; second < 1800; second += 1) {
            world.servers[0].prefillSec = second % (slow + well) < slow ? SLOW_SEC : 0.2;
            states.push(world.second());
          }
          const returns = begun(states, 'Returning');
          const again = returns
            .map((at) => begun(states, 'Away').find((tripAt) => tripAt > at))
            .filter((at) => at !== undefined);
          for (const [i, at] of again.entries())
            if (i > 0)
              expect(at - (again[i - 1] as number), `${slow} slow, ${well} well: ${again}`).toBeGreaterThanOrEqual(600);
          expect(begun(states, 'Away').length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 4 },
    );
  });
});

describe('what is not known', () => {
  it('gives nothing up: a silent engine, too few requests, a counter that starts anew', () => {
    const silent = aWorld();
    silent.servers[0].isHeard = false;
    silent.servers[0].prefillSec = SLOW_SEC;
    expect(silent.seconds(60).every(({ phase }) => phase === 'Home')).toBe(true);

    const seldom = aWorld({ perSec: 0.3 });
    seldom.servers[0].prefillSec = SLOW_SEC;
    expect(seldom.seconds(60).every(({ phase }) => phase === 'Home')).toBe(true);
    expect(seldom.state?.reason).toContain('too few requests to tell');

    const anew = aWorld();
    (anew.servers as [Server, Server])[0] = core();
    expect(anew.seconds(60).every(({ phase, reason }) => phase === 'Home' && !reason.includes('-'))).toBe(true);
  });

  it('does not bring a tier back while its engines are silent', () => {
    const world = aWorld();
    world.servers[0].prefillSec = SLOW_SEC;
    world.seconds(20);
    world.servers[0].isHeard = false;
    world.servers[0].prefillSec = 0.2;
    expect(world.seconds(300).every(({ phase }) => phase === 'Away')).toBe(true);
    world.servers[0].isHeard = true;
    expect(begun(world.seconds(80), 'Returning').length).toBe(1);
  });

  it('moves a part by what engines say where no sidecar reports', () => {
    const world = aWorld({ perSec: 12, slots: 16 });
    world.isSilent = true;
    world.servers[0].prefillSec = SLOW_SEC;
    const states = world.seconds(120);
    expect(begun(states, 'Away').length).toBe(1);
    expect(world.percent).toBeGreaterThan(5);
    expect(world.servers[1].mostInFlight).toBeLessThanOrEqual(16);
  });
});

describe('a first tier that the sidecars have given up', () => {
  it('has its requests back only when it has been well for long enough, and step by step', () => {
    const world = aWorld();
    world.servers[0].isOut = true;
    const out = world.seconds(20);
    expect(begun(out, 'Away').length).toBe(1);
    expect(world.percent).toBe(100);
    expect(world.state?.reason).toContain('the sidecars had given up core');
    world.servers[0].isOut = false;
    const before = world.servers[0].issued;
    world.seconds(30);
    expect(world.servers[0].issued).toBe(before);
    const after = world.seconds(100);
    expect(begun(after, 'Returning').length).toBe(1);
    expect(world.percent).toBe(0);
  });

  it('is held at once with all that the next one holds', () => {
    const world = aWorld();
    world.servers[0].isOut = true;
    const [givenUpAt = 0] = begun(world.seconds(20), 'Away');
    expect(givenUpAt).toBeLessThan(12);
    const again = aWorld();
    again.servers[0].isOut = true;
    again.seconds(givenUpAt + 6);
    again.servers[0].isOut = false;
    const held = again.seconds(30);
    expect(held.map(({ percent }) => percent)).toEqual(held.map(() => 100));
  });

  it('has back what the next one has no slots for', () => {
    const world = aWorld({ perSec: 20, slots: 16 });
    world.servers[0].isOut = true;
    world.seconds(20);
    world.servers[0].isOut = false;
    const held = world.seconds(30).slice(15);
    expect(held.every(({ phase, percent }) => phase === 'Away' && percent < 60)).toBe(true);
    // Its queue of when it had everything is worked off.
    world.seconds(12);
    expect(world.servers[1].inFlight).toBeLessThanOrEqual(16);
  });

  it('is held even where the policy has no limit for the first token', () => {
    const world = new TwoTiers({ servers: [core(), spare()], perSec: 8, failover: { returnAfterMs: 60_000 } });
    world.seconds(20);
    world.servers[0].prefillSec = SLOW_SEC;
    expect(world.seconds(60).every(({ phase }) => phase === 'Home')).toBe(true);
    world.servers[0].isOut = true;
    world.seconds(20);
    expect(world.state).toMatchObject({ phase: 'Away', cause: 'Envoy', percent: 100 });
  });

  it('is not taken for given up while the overload ladder sends its requests elsewhere', () => {
    const world = aWorld();
    world.diverted = true;
    world.servers[0].isOut = true;
    expect(world.seconds(30).every(({ phase }) => phase === 'Home')).toBe(true);
  });

  it('is not taken for given up while a part of its requests goes elsewhere', () => {
    const world = aWorld({ perSec: 20, slots: 24 });
    world.servers[0].prefillSec = SLOW_SEC;
    world.seconds(120);
    world.servers[0].prefillSec = 0.2;
    const states = world.seconds(300);
    expect(begun(states, 'Away')).toEqual([]);
    expect(states.every(({ cause }) => cause !== 'Envoy')).toBe(true);
    expect(world.state?.phase).toBe('Home');
  });
});

describe('what a failover remembers', () => {
  it('goes on after a restart as if there had been none, and a clock that is set back changes nothing', () => {
    const [one, two] = [aWorld(), aWorld()];
    for (const world of [one, two]) world.servers[0].prefillSec = SLOW_SEC;
    for (let second = 0; second < 60; second += 1) {
      two.state = JSON.parse(JSON.stringify(two.state)) as FailoverState;
      expect(two.second()).toEqual(one.second());
    }
    one.nowMs -= 3_600_000;
    one.tick(-3600);
    const states = one.seconds(30);
    expect(states.every(({ phase }) => phase === 'Away')).toBe(true);
    one.servers[0].prefillSec = 0.2;
    expect(begun(one.seconds(150), 'Returning').length).toBe(1);
  });

  it('is not of hours ago: a tier that was slow before the server went away is not given up when it comes back', () => {
    const world = aWorld();
    world.seconds(30);
    world.servers[0].prefillSec = SLOW_SEC;
    for (let second = 0; second < 30 && (world.state?.slowSec ?? 0) === 0; second += 1) world.second();
    expect(world.state).toMatchObject({ phase: 'Home', slowSec: 1 });
    world.servers[0].prefillSec = 0.2;
    // Sidecars and servers have gone on meanwhile, and what was slow is answered.
    const stored = world.state;
    world.seconds(60);
    world.state = stored;
    world.nowMs += 7_200_000;
    world.tick(7_260);
    expect(world.seconds(60).every(({ phase }) => phase === 'Home')).toBe(true);
  });

  it('holds still while an operator has frozen the service', () => {
    const world = aWorld();
    world.frozen = true;
    world.servers[0].prefillSec = SLOW_SEC;
    expect(world.seconds(30).every(({ phase, percent }) => phase === 'Home' && percent === 0)).toBe(true);
    expect(world.state?.reason).toContain('an operator holds it so');
    world.frozen = false;
    world.seconds(20);
    expect(world.percent).toBe(100);
    world.frozen = true;
    world.servers[0].prefillSec = 0.2;
    world.seconds(200);
    expect(world.percent).toBe(100);
  });
});

describe('a next tier that is cold', () => {
  it('gets nothing of a tier that is slow, and has as much as it can hold as soon as it is warm', () => {
    const world = aWorld();
    world.cold = ['spare'];
    world.servers[0].prefillSec = SLOW_SEC;
    const cold = world.seconds(60);
    expect(cold.every(({ phase, percent }) => phase === 'Home' && percent === 0)).toBe(true);
    expect(cold.at(-1)?.reason).toMatch(
      /; 1 of 1 server of spare is cold \(no answer to prompts in time\): it gets nothing for slowness$/,
    );
    world.cold = [];
    const warm = world.seconds(60);
    expect(warm.at(-1)).toMatchObject({ phase: 'Away', cause: 'FirstToken' });
    expect(warm.at(-1)?.percent).toBeGreaterThan(0);
  });

  it('is counted on all the same where the sidecars went there by themselves: the requests show how it is', () => {
    const world = aWorld();
    world.cold = ['spare'];
    world.servers[0].isOut = true;
    const states = world.seconds(30);
    expect(states.at(-1)).toMatchObject({ phase: 'Away', cause: 'Envoy', percent: 100 });
  });
});
