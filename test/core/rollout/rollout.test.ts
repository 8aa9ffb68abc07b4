import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Policy, RolloutStrategy } from '../../../src/core/policy/index.ts';
import {
  type CanaryStanding,
  chooseCanaries,
  type Member,
  type Rollout,
  type RolloutInput,
  type RolloutStep,
  startRollout,
  startTrial,
  stepRollout,
  stepTraffic,
  type Traffic,
  type Trial,
  trackOf,
} from '../../../src/core/rollout/index.ts';
import type { LoadReport } from '../../../src/core/topology/index.ts';

const STRATEGY: RolloutStrategy = {
  canaryPercent: 10,
  minNodes: 1,
  nodes: [],
  holdMs: 30_000,
  haltOn: ['Nack', 'ErrorBurn', 'CanaryLost'],
};
const SYNCED: CanaryStanding = { kind: 'Synced' };

function nodes(count: number, over: Partial<Member> = {}): readonly Member[] {
  return Array.from({ length: count }, (_, at) => ({
    nodeId: `node-${at}`,
    envoyVersion: '1.40.0',
    connected: true,
    ...over,
  }));
}

function policy(revision: string, strategy: RolloutStrategy | undefined): Policy {
  const group = {
    name: 'lab',
    origin: { file: 'a', line: 1, column: 1 },
    identities: [],
    listeners: [{ name: revision, address: '127.0.0.1', port: 1, origin: { file: 'a', line: 1, column: 1 } }],
    modelServices: [],
  };
  const rollout = strategy === undefined ? {} : { rollout: strategy };
  return { revision, groups: [{ ...group, ...rollout }], services: [], trafficClasses: [] };
}

function report(nodeId: string, issued: number, errors: number, atMs: number): LoadReport {
  const endpoint = { address: '10.0.0.1', port: 1, inProgress: 0, issued, succeeded: issued - errors, errors };
  return {
    nodeId,
    receivedAtMs: atMs,
    intervalMs: 1000,
    absentMeansIdle: true,
    clusters: [{ cluster: 'chat', endpoints: [endpoint] }],
  };
}

/** A group of ten with one canary, a tick a second. */
class World {
  nowMs = 1_000_000;
  members = nodes(10);
  traffic: Traffic = new Map();
  rollout: Rollout | undefined;
  step: RolloutStep | undefined;
  /** Requests and errors a second of a node. */
  load: (nodeId: string) => readonly [number, number] = () => [0, 0];

  start(strategy: RolloutStrategy = STRATEGY): string {
    const from = policy('old', strategy);
    this.rollout = startRollout('Policy', from, policy('new', undefined), {
      members: () => this.members,
      traffic: this.traffic,
      nowMs: this.nowMs,
    });
    return this.rollout?.groups[0]?.canaries[0]?.nodeId ?? '';
  }

  /** Ticks until the rollout is over, or the time is. */
  run(
    seconds: number,
    standing: (nodeId: string) => CanaryStanding | undefined = () => SYNCED,
  ): RolloutStep | undefined {
    for (let second = 0; second < seconds; second += 1) {
      this.nowMs += 1000;
      const reports = this.members.flatMap(({ nodeId }) => {
        const [issued, errors] = this.load(nodeId);
        return issued === 0 ? [] : [report(nodeId, issued, errors, this.nowMs)];
      });
      this.traffic = stepTraffic(this.traffic, reports, this.nowMs, () => true);
      if (this.rollout === undefined) continue;
      const input: RolloutInput = {
        nowMs: this.nowMs,
        standings: (ids) =>
          new Map(
            ids.flatMap((id) => {
              const one = standing(id);
              return one === undefined ? [] : [[id, one] as const];
            }),
          ),
        reports,
        groupOf: () => 'lab',
        members: () => this.members,
        traffic: this.traffic,
      };
      this.step = stepRollout(this.rollout, input);
      this.rollout = this.step.rollout;
      if (this.step.kind !== 'Running') return this.step;
    }
    return this.step;
  }
}

describe('canaries', () => {
  it('are a share, rounded up, at least minNodes and never more than there are', () => {
    const of = (count: number, over: Partial<RolloutStrategy> = {}): number =>
      chooseCanaries(nodes(count), { ...STRATEGY, ...over }, 'r').length;
    expect([of(0), of(1), of(10), of(11), of(1000)]).toEqual([0, 1, 1, 2, 100]);
    expect([of(10, { minNodes: 4 }), of(3, { minNodes: 4 }), of(100, { canaryPercent: 0 })]).toEqual([4, 3, 1]);
  });

  it('are the same for the same change, and others for another', () => {
    const of = (revision: string): readonly string[] => chooseCanaries(nodes(1000), STRATEGY, revision);
    expect(of('a')).toEqual(of('a'));
    expect(of('a')).not.toEqual(of('b'));
  });

  it('are one of each release of Envoy before a second of any, the most common release first', () => {
    const mixed = [
      ...nodes(20),
      ...nodes(2, { envoyVersion: '1.36.4' }).map((one) => ({ ...one, nodeId: `old-${one.nodeId}` })),
    ];
    const two = chooseCanaries(mixed, { ...STRATEGY, minNodes: 3 }, 'r');
    expect(two.filter((id) => id.startsWith('old-'))).toHaveLength(1);
    expect(chooseCanaries(mixed, { ...STRATEGY, canaryPercent: 1 }, 'r')[0]).not.toMatch(/^old-/);
  });

  it('are the named nodes while one of them is connected, a share otherwise', () => {
    const strategy = { ...STRATEGY, nodes: ['node-7', 'node-3', 'gone'] };
    expect(chooseCanaries(nodes(10), strategy, 'r')).toEqual(['node-3', 'node-7']);
    expect(chooseCanaries(nodes(2), strategy, 'r')).toHaveLength(1);
  });

  it('are connected ones, where any is', () => {
    const members = [...nodes(9, { connected: false }), { nodeId: 'here', envoyVersion: '1.40.0', connected: true }];
    expect(chooseCanaries(members, STRATEGY, 'r')).toEqual(['here']);
  });
});

describe('a rollout', () => {
  it('is none where no group has canaries: everybody may have the change at once', () => {
    const start = { members: () => nodes(10), traffic: new Map(), nowMs: 1 };
    expect(startRollout('Policy', policy('a', undefined), policy('b', undefined), start)).toBeUndefined();
    const nobody = { ...start, members: () => [] };
    expect(startRollout('Policy', policy('a', STRATEGY), policy('b', STRATEGY), nobody)).toBeUndefined();
  });

  it('follows the strategy that stands, also for the change that takes it away', () => {
    const start = { members: () => nodes(10), traffic: new Map(), nowMs: 1 };
    const rollout = startRollout('Policy', policy('a', STRATEGY), policy('b', undefined), start);
    expect(rollout?.groups[0]?.canaries).toHaveLength(1);
    const canary = rollout?.groups[0]?.canaries[0]?.nodeId ?? '';
    const tracks = nodes(10).map(({ nodeId }) => trackOf(rollout as Rollout, 'lab', nodeId));
    expect(tracks.filter((track) => track === 'Canary')).toHaveLength(1);
    expect(trackOf(rollout as Rollout, 'lab', canary)).toBe('Canary');
    expect(trackOf(rollout as Rollout, 'strangers', canary)).toBe('Stable');
  });

  it('passes when all canaries have held it', () => {
    const world = new World();
    world.start();
    expect(world.run(5, () => ({ kind: 'Waiting', about: 'lds' }))?.kind).toBe('Running');
    expect(world.run(30)?.kind).toBe('Running');
    expect(world.run(1)?.kind).toBe('Passed');
  });

  it('does not begin its hold anew for weights that are under way', () => {
    const world = new World();
    world.start();
    world.run(1);
    let turn = 0;
    const step = world.run(30, () => {
      turn += 1;
      return turn % 2 === 0 ? SYNCED : { kind: 'Waiting', about: 'eds' };
    });
    expect(step?.kind).toBe('Passed');
  });

  it('goes back when a canary refuses a resource, and names node, words and line', () => {
    const world = new World();
    const node = world.start();
    const step = world.run(3, () => ({
      kind: 'Refused',
      type: 'lds',
      resource: 'models',
      message: 'cannot bind',
      origin: 'chat.yaml:12:3',
    }));
    expect(step).toMatchObject({
      kind: 'Halted',
      halt: { event: 'Nack', node, message: 'lds models: cannot bind', origin: 'chat.yaml:12:3', group: 'lab' },
    });
  });

  it('goes back when a canary is gone for ten seconds, not when everybody is', () => {
    const world = new World();
    const node = world.start();
    world.run(2);
    expect(world.run(9, () => undefined)?.kind).toBe('Running');
    expect(world.run(1, () => undefined)).toMatchObject({ kind: 'Halted', halt: { event: 'CanaryLost', node } });

    const outage = new World();
    outage.start();
    outage.members = nodes(10, { connected: false });
    expect(outage.run(25, () => undefined)?.kind).toBe('Running');
  });

  it('does not pass while a canary is away, however long it has held it', () => {
    const world = new World();
    world.start();
    world.run(28);
    expect(world.run(9, () => undefined)?.kind).toBe('Running');
    expect(world.run(1)?.kind).toBe('Passed');

    const unwatched = new World();
    unwatched.start({ ...STRATEGY, haltOn: [] });
    unwatched.run(28);
    expect(unwatched.run(60, () => undefined)?.kind).toBe('Running');
    expect(unwatched.run(1, () => undefined)?.kind).toBe('Passed');
  });

  it('counts an outage of everybody against no canary, also when it is the last to come back', () => {
    const world = new World();
    world.start();
    world.run(2);
    world.members = nodes(10, { connected: false });
    world.run(18, () => undefined);
    world.members = nodes(10);
    expect(world.run(5, () => undefined)?.kind).toBe('Running');
    expect(world.run(40)?.kind).toBe('Passed');
  });

  it('chooses canaries when sidecars are back, where a restart left nobody connected', () => {
    const world = new World();
    world.members = nodes(10, { connected: false });
    expect(world.start()).toBe('');
    expect(world.run(3)?.kind).toBe('Running');
    // One of them is gone for good.
    world.members = nodes(10).map((one, at) => ({ ...one, connected: at !== 0 }));
    world.run(1);
    const canary = world.rollout?.groups[0]?.canaries[0]?.nodeId;
    expect(canary).not.toBe('node-0');
    expect(trackOf(world.rollout as Rollout, 'lab', canary ?? '')).toBe('Canary');
    // That it was not asked about before it was one is no loss.
    expect(world.rollout?.groups[0]?.canaries).toMatchObject([{ standing: 'Synced', losses: 0 }]);
    expect(world.run(31)?.kind).toBe('Passed');

    const forgotten = new World();
    forgotten.members = nodes(3, { connected: false });
    forgotten.start();
    forgotten.run(3);
    forgotten.members = [];
    expect(forgotten.run(1)?.kind).toBe('Passed');
  });

  it('has nothing to try in a group that the change removes', () => {
    const start = { members: () => nodes(10), traffic: new Map(), nowMs: 1 };
    const gone = { ...policy('b', STRATEGY), groups: [] };
    expect(startRollout('Policy', policy('a', STRATEGY), gone, start)).toBeUndefined();
  });

  it('has canaries only where it changes what they are sent; a release where it compiles other bytes', () => {
    const start = { members: () => nodes(10), traffic: new Map(), nowMs: 1 };
    const [plain] = policy('same', STRATEGY).groups;
    const other = { ...(plain as Policy['groups'][number]), name: 'other' };
    const both = (revision: string): Policy => {
      const one = policy(revision, STRATEGY);
      return { ...one, groups: [...one.groups, other] };
    };
    const rollout = startRollout('Policy', both('a'), both('b'), start);
    expect(rollout?.groups.map(({ group, canaries }) => [group, canaries.length])).toEqual([
      ['lab', 1],
      ['other', 0],
    ]);
    expect(trackOf(rollout as Rollout, 'other', 'node-1')).toBe('Stable');
    const release = startRollout('Release', both('a'), both('a'), start, new Set(['other']));
    expect(release?.groups.map(({ canaries }) => canaries.length)).toEqual([0, 1]);
    // Who may join and how changes spread is nothing that is sent.
    const closed = {
      ...both('a'),
      groups: both('a').groups.map((one) => ({ ...one, identities: ['spiffe://lab/x'] })),
    };
    expect(startRollout('Policy', both('a'), closed, start)).toBeUndefined();
  });

  it('of what is done by hand is in the groups that it reaches, and all others have none of it', () => {
    const start = { members: () => nodes(10), traffic: new Map(), nowMs: 1 };
    const [lab] = policy('same', STRATEGY).groups;
    const [plain] = policy('same', undefined).groups;
    const groups = [lab, { ...plain, name: 'plain' }, { ...lab, name: 'other' }] as Policy['groups'];
    const both = { ...policy('same', STRATEGY), groups };
    const trial = startTrial('drain-k3x9', both, ({ name }) => name !== 'other', start);
    expect(trial).toMatchObject({ from: 'same', to: 'drain-k3x9', groups: [{ group: 'lab' }, { group: 'plain' }] });
    const canary = trial?.groups[0]?.canaries[0]?.nodeId ?? '';
    const tracks = ['lab', 'plain', 'other'].map((group) => trackOf(trial as Trial, group, canary));
    expect(tracks).toEqual(['Canary', 'Canary', 'Stable']);
    expect(startTrial('drain-k3x9', both, ({ name }) => name === 'plain', start)).toBeUndefined();
  });

  it('does not blame a canary for the silence that was asked for, and does for more', () => {
    const silenced = (passesRatio: number, perSec: number) => {
      const world = new World();
      world.load = () => [50, 0];
      world.run(60);
      const canary = world.start();
      world.rollout = { ...(world.rollout as Rollout), passesRatio };
      world.load = (id) => [id === canary ? perSec : 50, 0];
      return world.run(31)?.kind;
    };
    expect([silenced(1, 10), silenced(0.2, 10), silenced(0.2, 0), silenced(0, 0)]).toEqual([
      'Halted',
      'Passed',
      'Halted',
      'Passed',
    ]);
  });

  it('goes on although sidecars of a group that it does not touch come and go', () => {
    const world = new World();
    const [plain] = policy('same', { ...STRATEGY, minNodes: 10 }).groups;
    const with2 = (revision: string): Policy => {
      const one = policy(revision, STRATEGY);
      return { ...one, groups: [...one.groups, { ...(plain as Policy['groups'][number]), name: 'other' }] };
    };
    const start = { members: () => world.members, traffic: world.traffic, nowMs: world.nowMs };
    world.rollout = startRollout('Policy', with2('a'), with2('b'), start);
    const canary = world.rollout?.groups[0]?.canaries[0]?.nodeId;
    expect(world.run(31, (id) => (id === canary ? SYNCED : undefined))?.kind).toBe('Passed');
  });

  it('goes back when a canary comes and goes', () => {
    const world = new World();
    world.start();
    let second = 0;
    const step = world.run(20, () => {
      second += 1;
      return second % 4 === 0 ? undefined : SYNCED;
    });
    expect(step).toMatchObject({ kind: 'Halted', halt: { event: 'CanaryLost', message: 'went away 3 times' } });
  });

  it('goes back when canaries do not take it, with what they wait for', () => {
    const world = new World();
    world.start();
    const step = world.run(100, () => ({ kind: 'Waiting', about: 'cds is not taken yet' }));
    expect(step).toMatchObject({ kind: 'Halted', halt: { event: 'Timeout' } });
    expect(step?.kind === 'Halted' && step.halt.message).toMatch(/after 91 s: cds is not taken yet/);
  });

  it('halts on nothing that its strategy does not name', () => {
    const world = new World();
    world.start({ ...STRATEGY, haltOn: [] });
    world.load = (id) => (id === world.rollout?.groups[0]?.canaries[0]?.nodeId ? [50, 50] : [50, 0]);
    world.run(1);
    const step = world.run(29, () => undefined);
    expect(step?.kind).toBe('Running');
  });
});

describe('errors that burn', () => {
  it('take a change back when a canary fails and the others do not', () => {
    const world = new World();
    world.load = () => [50, 0];
    world.run(60);
    const node = world.start();
    world.load = (id) => (id === node ? [50, 10] : [50, 0]);
    const step = world.run(30);
    expect(step).toMatchObject({ kind: 'Halted', halt: { event: 'ErrorBurn', node } });
    expect(world.nowMs).toBeLessThanOrEqual(1_000_000 + 63_000);
    expect(step?.kind === 'Halted' && step.halt.message).toMatch(
      /\d+ of \d+ requests failed \(20 %; 0\.0 % elsewhere\)/,
    );
  });

  it('do not when the servers fail for everybody', () => {
    const world = new World();
    world.load = () => [50, 0];
    world.run(60);
    world.start();
    world.load = () => [50, 10];
    expect(world.run(31)?.kind).toBe('Passed');
  });

  it('are also requests that reach no server any more, where the others go on', () => {
    const world = new World();
    world.load = () => [50, 0];
    world.run(60);
    const node = world.start();
    world.load = (id) => (id === node ? [0, 0] : [50, 0]);
    const step = world.run(30);
    expect(step).toMatchObject({ kind: 'Halted', halt: { event: 'ErrorBurn', node } });
    expect(step?.kind === 'Halted' && step.halt.message).toMatch(
      /0 requests reached a server in \d+ s; \d+ were expected/,
    );
  });

  it('are not a fleet that has less to do', () => {
    const world = new World();
    world.load = () => [50, 0];
    world.run(60);
    world.start();
    world.load = () => [2, 0];
    expect(world.run(31)?.kind).toBe('Passed');
  });

  it('are seen in a fleet of one too, against its own past', () => {
    const world = new World();
    world.members = nodes(1);
    world.load = () => [20, 0];
    world.run(60);
    world.start();
    world.load = () => [20, 8];
    expect(world.run(30)).toMatchObject({ kind: 'Halted', halt: { event: 'ErrorBurn' } });
  });

  it('are not chance: a thousand rollouts of a fleet that fails at 1 % pass', () => {
    let returned = 0;
    for (let seed = 1; seed <= 1000; seed += 1) {
      let state = seed;
      const random = (): number => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return state / 2_147_483_648;
      };
      const failing = (requests: number): number => {
        let errors = 0;
        for (let one = 0; one < requests; one += 1) errors += random() < 0.01 ? 1 : 0;
        return errors;
      };
      const world = new World();
      world.members = nodes(4);
      world.load = () => [20, failing(20)];
      world.run(10);
      world.start();
      if (world.run(31)?.kind !== 'Passed') returned += 1;
    }
    expect(returned).toBe(0);
  });
});

describe('whatever happens', () => {
  const standing = fc.constantFrom<CanaryStanding | undefined>(
    undefined,
    SYNCED,
    { kind: 'Waiting', about: 'x' },
    { kind: 'Refused', type: 'cds', resource: 'chat', message: 'no' },
  );

  it('a rollout never passes before every canary has taken it and the hold is over, and never goes on for ever', () => {
    fc.assert(
      fc.property(
        fc.array(standing, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 30 }),
        (story, hold) => {
          const world = new World();
          world.start({ ...STRATEGY, canaryPercent: 20, holdMs: hold * 1000 });
          let at = 0;
          const begun = world.nowMs;
          const step = world.run(400, () => {
            at += 1;
            return story[at % story.length];
          });
          expect(step?.kind).not.toBe('Running');
          if (step?.kind !== 'Passed') return;
          expect(world.nowMs - begun).toBeGreaterThanOrEqual(hold * 1000);
          expect(step.rollout.groups[0]?.canaries.every(({ syncedAtMs }) => syncedAtMs !== undefined)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
