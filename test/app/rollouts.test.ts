import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ControlLoop } from '../../src/app/control-loop.ts';
import { ControlInbox } from '../../src/app/inbox.ts';
import { KeptStructures } from '../../src/app/kept-structures.ts';
import { type Loaded, loadTexts } from '../../src/app/policy-keeper.ts';
import { Rollouts } from '../../src/app/rollouts.ts';
import { TYPE_URL } from '../../src/core/resources/index.ts';
import type { CanaryStanding, Member } from '../../src/core/rollout/index.ts';
import { snapshotKeyText, viewOf } from '../../src/core/snapshot/index.ts';
import { staticEndpointSets } from '../../src/edge/discovery/index.ts';
import type { NewEvent } from '../../src/edge/observe/index.ts';
import { fleetText } from '../core/control/fleet.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };
const CANARY = { ...KEY, track: 'Canary' } as const;

function policy(requestSec: number, strategy = true): Loaded {
  const text = fleetText({ lines: `  timeouts: { request: ${requestSec}s }\n` });
  const spec = strategy
    ? text.replace('modelServices: [chat]\n', 'modelServices: [chat]\n  rollout: { hold: 3s }\n')
    : text;
  return loadTexts([{ name: 'lab.yaml', text: spec }], 1) as Loaded;
}

/** Two tracks without sockets: every canary stands as the test says. */
class World {
  nowMs = 1_000_000;
  standing: CanaryStanding | undefined = { kind: 'Synced' };
  members: readonly Member[] = ['a', 'b', 'c'].map((nodeId) => ({
    nodeId,
    envoyVersion: '1.40.0',
    connected: true,
  }));
  busy = false;
  /** The tick has not met them yet. */
  newcomers = false;
  readonly events: NewEvent[] = [];
  readonly ended: string[] = [];
  readonly canaries: Record<string, number>[] = [];
  readonly loop = new ControlLoop(new ControlInbox(() => {}), () => []);
  readonly rollouts: Rollouts = new Rollouts({
    release: '1.0.0',
    fleet: {
      members: () => this.members,
      isServed: () => this.newcomers || this.members.some(({ connected }) => connected),
      groupOf: () => 'lab',
      standings: (ids) =>
        new Map(ids.flatMap((id) => (this.standing === undefined ? [] : [[id, this.standing] as const]))),
    },
    tracks: {
      canaryRefusals: () => this.loop.canaryRefusals([CANARY]),
      freeze: (structures) => this.loop.freeze(structures),
      thaw: () => this.loop.thaw(),
      promoteCanary: () => this.loop.promoteCanary(),
      dropCanary: () => this.loop.dropCanary(),
    },
    now: () => this.nowMs,
    happened: (event) => this.events.push(event),
    ended: (cause, outcome) => this.ended.push(`${cause} ${outcome}`),
    canaries: (byGroup) => this.canaries.push(Object.fromEntries(byGroup)),
    isBusy: () => this.busy,
  });

  tick(ticks = 1): void {
    for (let at = 0; at < ticks; at += 1) {
      this.nowMs += 1000;
      const { stable, candidate } = this.rollouts;
      const under = ({ policy: of }: Loaded) => ({ policy: of, endpointSets: staticEndpointSets(of) });
      this.loop.tick(under(stable as Loaded), this.nowMs, { canary: candidate && under(candidate) });
      this.rollouts.step([]);
    }
  }

  /** Version of the route configuration that a track has. */
  routes(key: typeof KEY): string | undefined {
    const snapshot = this.loop.snapshot(key);
    return snapshot && [...viewOf(snapshot, TYPE_URL.route).values()][0]?.version;
  }
}

let world: World;
beforeEach(() => {
  world = new World();
  world.rollouts.offer(policy(1));
  world.tick();
});

describe('a policy that is wanted', () => {
  it('is in force at once when it is the first, or when nobody tries anything', () => {
    expect(world.rollouts.stable?.policy.revision).toBe(policy(1).policy.revision);
    const plain = new World();
    plain.rollouts.offer(policy(1, false));
    expect(plain.rollouts.offer(policy(2, false))).toBe('InForce');
    expect(plain.rollouts.stable?.policy.revision).toBe(policy(2, false).policy.revision);
  });

  it('is what canaries have, while all others keep theirs, and everybody has when it held', () => {
    const before = world.routes(KEY);
    expect(world.rollouts.offer(policy(2))).toBe('Trying');
    world.tick();
    const tried = world.routes(CANARY);
    expect([world.routes(KEY), tried === before]).toEqual([before, false]);
    const tracks = world.members.map(({ nodeId }) => world.rollouts.trackOf({ nodeId, group: 'lab' }));
    expect(tracks.filter((track) => track === 'Canary')).toHaveLength(1);
    world.tick(3);
    expect(world.rollouts.stable?.policy.revision).toBe(policy(2).policy.revision);
    expect([world.routes(KEY), world.ended]).toEqual([tried, ['Policy passed']]);
    expect(world.events.map(({ kind }) => kind)).toEqual(['RolloutStarted', 'RolloutHolds', 'RolloutPassed']);
    world.tick();
    expect(world.routes(KEY)).toBe(tried);
  });

  it('is nobody’s after a refusal, is not tried again by itself, and is the problem of the policy', () => {
    world.rollouts.offer(policy(2));
    world.standing = { kind: 'Refused', type: 'rds', resource: 'models', message: 'no', origin: 'lab.yaml:3:1' };
    const before = world.routes(KEY);
    world.tick();
    expect([world.rollouts.candidate, world.routes(CANARY)]).toEqual([undefined, before]);
    expect(world.rollouts.offer(policy(2))).toBe('Returned');
    expect(world.rollouts.problem()).toMatchObject({
      code: 'ROLLOUT_RETURNED',
      position: { file: 'lab.yaml', line: 3, column: 1 },
      message: expect.stringContaining('Nack on '),
    });
    expect(world.rollouts.offer(policy(1))).toBe('InForce');
    expect(world.rollouts.problem()).toBeUndefined();
  });

  it('takes the place of one that is tried', () => {
    world.rollouts.offer(policy(2));
    world.tick();
    expect(world.rollouts.offer(policy(3))).toBe('Trying');
    expect(world.ended).toEqual(['Policy superseded']);
    world.tick(5);
    expect(world.rollouts.stable?.policy.revision).toBe(policy(3).policy.revision);
    expect(world.rollouts.view().last).toMatchObject({ outcome: 'Passed', to: policy(3).policy.revision });
  });

  it('waits while canaries try something else, unless nobody has to try it; the newest is tried then', () => {
    world.busy = true;
    expect(world.rollouts.offer(policy(2))).toBe('Waiting');
    world.tick(2);
    expect([world.rollouts.candidate, world.rollouts.resume()]).toEqual([undefined, undefined]);
    expect(world.events.map(({ kind }) => kind)).toEqual(['RolloutWaits']);
    expect(world.rollouts.offer(policy(3))).toBe('Waiting');
    world.busy = false;
    expect(world.rollouts.resume()).toBe('Trying');
    expect(world.rollouts.candidate?.policy.revision).toBe(policy(3).policy.revision);
    expect(world.rollouts.resume()).toBeUndefined();
    world.tick(5);
    world.busy = true;
    expect(world.rollouts.offer(policy(2))).toBe('Waiting');
    // Who undoes a change need not wait.
    expect(world.rollouts.offer(policy(1))).toBe('InForce');
    world.busy = false;
    expect(world.rollouts.resume()).toBeUndefined();
  });

  it('that was taken back stays so over a restart', () => {
    world.rollouts.offer(policy(2));
    world.standing = undefined;
    world.tick(12);
    const { memory } = world.rollouts;
    const after = new World();
    after.rollouts.restore(policy(1), JSON.parse(JSON.stringify(memory)));
    expect(after.rollouts.offer(policy(2))).toBe('Returned');
    expect(after.rollouts.act('Retry', 'the port is free', 'ann', policy(2))).toBeUndefined();
    expect(after.rollouts.candidate?.policy.revision).toBe(policy(2).policy.revision);
  });

  it('is known to a server that starts anew as one that was tried, or waited for that', () => {
    const next = ({ rollouts }: World): World => {
      const after = new World();
      after.rollouts.restore(policy(1), JSON.parse(JSON.stringify(rollouts.memory)));
      return after;
    };
    const known = ({ rollouts }: World) => [2, 3].map((sec) => rollouts.wasTried(policy(sec).policy.revision));
    expect(known(next(world))).toEqual([false, false]);
    world.rollouts.offer(policy(2));
    expect(known(next(world))).toEqual([true, false]);
    world.busy = true;
    world.rollouts.offer(policy(3));
    expect(known(next(world))).toEqual([false, true]);
  });

  it('is tried by sidecars that come back after a restart, and they are told of then', () => {
    const after = new World();
    after.rollouts.restore(policy(1));
    after.members = after.members.map((one) => ({ ...one, connected: false }));
    expect(after.rollouts.offer(policy(2))).toBe('Trying');
    after.tick();
    expect(after.canaries.at(-1)).toEqual({ lab: 0 });
    after.members = after.members.map((one) => ({ ...one, connected: true }));
    after.tick();
    expect(after.canaries.at(-1)).toEqual({ lab: 1 });
    const started = after.events.filter(({ kind }) => kind === 'RolloutStarted').map(({ message }) => message);
    expect(started).toEqual([
      expect.stringMatching(/goes to canaries, when sidecars are back$/),
      expect.stringMatching(/goes to 1 canaries first: [abc]$/),
    ]);
  });

  it('was in force before for sidecars too that came after the last tick', () => {
    const early = new World();
    early.members = [];
    early.rollouts.offer(policy(1));
    early.tick();
    early.newcomers = true;
    early.rollouts.offer(policy(2));
    early.members = world.members;
    expect(early.rollouts.isGood(policy(1).policy.revision)).toBe(true);
    expect(early.rollouts.offer(policy(1))).toBe('InForce');
  });

  it('is everybody’s at once when it was in force before: an undo has no time for canaries', () => {
    world.rollouts.offer(policy(2));
    world.tick(4);
    expect(world.rollouts.stable?.policy.revision).toBe(policy(2).policy.revision);
    expect(world.rollouts.offer(policy(1))).toBe('InForce');
    expect(world.rollouts.stable?.policy.revision).toBe(policy(1).policy.revision);
    const after = new World();
    after.rollouts.restore(policy(1), JSON.parse(JSON.stringify(world.rollouts.memory)));
    expect(after.rollouts.offer(policy(2))).toBe('InForce');
    expect(after.rollouts.offer(policy(3))).toBe('Trying');
  });

  it('is promoted, and taken back, by hand', () => {
    expect(world.rollouts.act('Promote', 'x', 'ann', undefined)).toMatch(/nothing is tried/);
    world.rollouts.offer(policy(2));
    world.tick();
    world.rollouts.act('Abort', 'calls', 'ann', undefined);
    expect(world.rollouts.view().last).toMatchObject({ outcome: 'Returned', why: 'Operator: ann: calls' });
    world.rollouts.act('Retry', 'no calls', 'ann', policy(2));
    world.tick();
    world.rollouts.act('Promote', 'seen enough', 'ann', undefined);
    expect(world.rollouts.stable?.policy.revision).toBe(policy(2).policy.revision);
  });
});

describe('what Envoys have', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'loadline-kept-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function kept(): Promise<KeptStructures> {
    const { files } = policy(1);
    const structures = new KeptStructures(folder, new FakeLog(), () => world.nowMs);
    world.loop.snapshot(KEY);
    structures.offer(files, world.loop.structures());
    await expect.poll(() => new KeptStructures(folder, new FakeLog(), () => world.nowMs).load(files)).toHaveLength(1);
    return structures;
  }

  it('is remembered with the policy that it was compiled from, byte for byte', async () => {
    await kept();
    const [structure] = await new KeptStructures(folder, new FakeLog(), () => world.nowMs).load(policy(1).files);
    expect(structure?.resources).toEqual(world.loop.structures()[0]?.resources);
    expect(await new KeptStructures(folder, new FakeLog(), () => world.nowMs).load(policy(2).files)).toEqual([]);
  });

  it('is no change for a release that compiles the same, and is tried on canaries by one that does not', async () => {
    await kept();
    const structures = await new KeptStructures(folder, new FakeLog(), () => world.nowMs).load(policy(1).files);
    const same = new World();
    same.rollouts.restore(policy(1), {}, structures);
    expect(same.rollouts.offer(policy(1))).toBe('InForce');

    // What another release might have compiled: the routes of another policy.
    const foreign = new World();
    foreign.rollouts.offer(policy(9));
    foreign.tick();
    foreign.loop.snapshot(KEY);
    const old = foreign.loop.structures();
    const upgraded = new World();
    upgraded.rollouts.restore(policy(1), {}, old);
    expect(upgraded.rollouts.offer(policy(1))).toBe('Trying');
    upgraded.tick();
    expect([upgraded.routes(KEY), upgraded.routes(CANARY)]).toEqual([foreign.routes(KEY), world.routes(KEY)]);
    upgraded.tick(4);
    expect(upgraded.ended).toEqual(['Release passed']);
    expect(upgraded.routes(KEY)).toBe(world.routes(KEY));
  });

  it('does not make a policy good for an undo under a release that has not sent it', async () => {
    const foreign = new World();
    foreign.rollouts.offer(policy(9));
    foreign.tick();
    foreign.loop.snapshot(KEY);
    const upgraded = new World();
    upgraded.rollouts.restore(policy(1), {}, foreign.loop.structures());
    expect(upgraded.rollouts.offer(policy(2))).toBe('Trying');
    upgraded.tick(4);
    expect(upgraded.ended).toEqual(['Policy passed']);
    expect([
      upgraded.rollouts.isGood(policy(2).policy.revision),
      upgraded.rollouts.isGood(policy(1).policy.revision),
    ]).toEqual([true, false]);
    expect(upgraded.rollouts.offer(policy(1))).toBe('Trying');
  });

  it('that a release could not replace is no problem any more when the one that compiled it is back', async () => {
    await kept();
    const structures = await new KeptStructures(folder, new FakeLog(), () => world.nowMs).load(policy(1).files);
    const foreign = new World();
    foreign.rollouts.offer(policy(9));
    foreign.tick();
    foreign.loop.snapshot(KEY);
    const upgraded = new World();
    upgraded.rollouts.restore(policy(1), {}, foreign.loop.structures());
    upgraded.rollouts.offer(policy(1));
    upgraded.tick();
    upgraded.rollouts.act('Abort', 'not today', 'ann', undefined);
    expect(upgraded.rollouts.offer(policy(1))).toBe('Returned');
    expect(upgraded.rollouts.problem()?.message).toMatch(/^what Loadline 1\.0\.0 compiles was taken back/);
    const back = new World();
    back.rollouts.restore(policy(1), upgraded.rollouts.memory, structures);
    expect(back.rollouts.offer(policy(1))).toBe('InForce');
    expect(back.rollouts.problem()).toBeUndefined();
  });

  it('is forgotten when no sidecar of its kind was there for an hour, also after a restart', async () => {
    const structures = await kept();
    const { files } = policy(1);
    const load = () => new KeptStructures(folder, new FakeLog(), () => world.nowMs).load(files);
    const oldest = { ...KEY, release: '1.36' };
    world.loop.snapshot(oldest);
    structures.offer(files, world.loop.structures());
    await expect.poll(load).toHaveLength(2);
    const next = new KeptStructures(folder, new FakeLog(), () => world.nowMs);
    await next.load(files);
    world.loop.retain([snapshotKeyText(KEY)]);
    world.nowMs += 3_599_000;
    next.offer(files, world.loop.structures());
    expect(await load()).toHaveLength(2);
    world.nowMs += 2000;
    next.offer(files, world.loop.structures());
    await expect.poll(load).toMatchObject([{ key: KEY }]);
  });

  it('is that of no canary once a promotion made them like all others, and canaries that are gone have none', () => {
    world.rollouts.offer(policy(2));
    world.tick();
    const tried = world.loop.snapshot(CANARY);
    expect(world.loop.snapshot(CANARY)).toBe(tried);
    world.loop.retain([snapshotKeyText(KEY)]);
    expect(world.loop.snapshot(CANARY)).not.toBe(tried);
    world.tick(5);
    world.loop.snapshot(KEY);
    expect(world.ended).toEqual(['Policy passed']);
    expect(world.loop.structures().map(({ key }) => key)).toEqual([KEY]);
  });

  it('is not used when the file is damaged, and the log says so', async () => {
    await kept();
    writeFileSync(join(folder, 'structures'), 'scribble');
    const log = new FakeLog();
    expect(await new KeptStructures(folder, log, () => world.nowMs).load(policy(1).files)).toEqual([]);
    expect(log.lines).toMatchObject([
      ['warn', { detail: expect.stringContaining('not used') }, 'kept structures not usable'],
    ]);
  });
});
