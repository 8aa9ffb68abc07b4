import { beforeEach, describe, expect, it } from 'vitest';
import { ControlLoop } from '../../src/app/control-loop.ts';
import { ControlInbox } from '../../src/app/inbox.ts';
import { OperationTrial } from '../../src/app/operation-trial.ts';
import { Operations } from '../../src/app/operations.ts';
import { type Loaded, loadTexts } from '../../src/app/policy-keeper.ts';
import { Rollouts } from '../../src/app/rollouts.ts';
import { TYPE_URL } from '../../src/core/resources/index.ts';
import type { CanaryStanding, Member } from '../../src/core/rollout/index.ts';
import { viewOf } from '../../src/core/snapshot/index.ts';
import type { BeginRequest } from '../../src/edge/admin/index.ts';
import { staticEndpointSets } from '../../src/edge/discovery/index.ts';
import type { NewEvent } from '../../src/edge/observe/index.ts';
import type { AuditEntry, AuditRecord } from '../../src/edge/store/index.ts';
import { fleetText } from '../core/control/fleet.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';

const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };
const CANARY = { ...KEY, track: 'Canary' } as const;
const ADA = 'spiffe://lab/ada';

function policy(requestSec: number, rollout = true): Loaded {
  const text = fleetText({ lines: `  timeouts: { request: ${requestSec}s }\n` });
  const spec = rollout
    ? text.replace('modelServices: [chat]\n', 'modelServices: [chat]\n  rollout: { hold: 3s }\n')
    : text;
  return loadTexts([{ name: 'lab.yaml', text: spec }], 1) as Loaded;
}

/** The server's tick without sockets: every canary stands as the test says. */
class World {
  nowMs = 1_000_000;
  standing: CanaryStanding = { kind: 'Synced' };
  members: readonly Member[] = ['a', 'b', 'c'].map((nodeId) => ({ nodeId, envoyVersion: '1.40.0', connected: true }));
  readonly events: NewEvent[] = [];
  readonly trail: AuditEntry[] = [];
  readonly loop = new ControlLoop(new ControlInbox(() => {}), () => []);
  readonly #seams = {
    fleet: {
      members: () => this.members,
      isServed: () => this.members.some(({ connected }) => connected),
      groupOf: () => 'lab',
      standings: (ids: readonly string[]) => new Map(ids.map((id) => [id, this.standing] as const)),
    },
    tracks: {
      canaryRefusals: () => this.loop.canaryRefusals([CANARY]),
      freeze: () => expect.fail('nothing is frozen here'),
      thaw: () => {},
      promoteCanary: () => this.loop.promoteCanary(),
      dropCanary: () => this.loop.dropCanary(),
    },
    now: () => this.nowMs,
  };
  readonly rollouts: Rollouts = new Rollouts({
    ...this.#seams,
    release: '1.0.0',
    happened: () => {},
    ended: () => {},
    canaries: () => {},
    isBusy: () => this.trial.isRunning,
  });
  readonly trial: OperationTrial = new OperationTrial({
    ...this.#seams,
    policy: () => this.rollouts.stable?.policy,
    traffic: () => this.rollouts.traffic,
  });
  readonly operations: Operations = new Operations({
    loop: this.loop,
    perturbations: () => [],
    trial: this.trial,
    isBusy: () => this.rollouts.candidate !== undefined,
    now: () => this.nowMs,
    log: new FakeLog(),
    happened: (event) => this.events.push(event),
    apply: () => this.turn(),
    save: async () => true,
    record: async (entry) => {
      this.trail.push(entry);
      return { kind: 'Recorded', record: {} as AuditRecord };
    },
  });

  constructor(stands: Loaded = policy(1)) {
    this.rollouts.restore(stands);
    this.turn();
  }

  turn(): void {
    this.rollouts.resume();
    const { stable, candidate } = this.rollouts;
    const under = ({ policy: of }: Loaded) => ({ policy: of, endpointSets: staticEndpointSets(of) });
    const operations = this.operations.inputOf(this.nowMs);
    const { tried } = this.operations;
    const canary = candidate && under(candidate);
    this.loop.tick(under(stable as Loaded), this.nowMs, { operations, tried, canary });
    this.rollouts.step([]);
    this.operations.step([]);
    for (const key of [KEY, CANARY]) this.loop.snapshot(key);
  }

  seconds(count: number): void {
    for (let at = 0; at < count; at += 1) {
      this.nowMs += 1000;
      this.turn();
    }
  }

  async begin(over: Partial<BeginRequest['what']> = {}, forMs = 60_000) {
    const what = { kind: 'Drain', service: 'chat', pool: 'gpu', endpoint: '10.0.0.1:8000', ...over };
    const asked = { reason: 'kernel update', force: false, ...what } as BeginRequest['what'];
    return this.operations.begin({ what: asked, end: { kind: 'For', ms: forMs }, dryRun: false }, ADA);
  }

  /** Of the assignment of all others, and of that of canaries. */
  tracks(typeUrl: string = TYPE_URL.endpoint): readonly (string | undefined)[] {
    return [KEY, CANARY].map((key) => {
      const snapshot = this.loop.snapshot(key);
      return snapshot && [...viewOf(snapshot, typeUrl).values()].map(({ version }) => version).join(' ');
    });
  }

  phases(): readonly string[] {
    return this.operations.list(true).map(({ state, phase }) => `${state} ${phase}`);
  }

  kinds(): readonly string[] {
    return this.events.map(({ kind }) => kind);
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe('an operation on a service of a group with canaries', () => {
  it('is what they have first, while all others and the law have none of it, and everybody’s when it held', async () => {
    const [before] = world.tracks();
    const answer = await world.begin();
    expect(answer).toMatchObject({ ok: true, value: { operation: { phase: 'Canary', state: 'Running' } } });
    expect(answer.ok && answer.value.notes.join()).toContain('canaries have it first');
    const [stable, tried] = world.tracks();
    expect([stable === before, tried === before]).toEqual([true, false]);
    const canaries = world.members.filter(({ nodeId }) => world.trial.trackOf({ nodeId, group: 'lab' }) === 'Canary');
    expect(canaries).toHaveLength(1);
    expect(world.events[0]?.message).toContain(`for ${canaries[0]?.nodeId} first; until`);
    expect(world.loop.plan?.decisions.chat?.endpoints.every(({ health }) => health === 'Healthy')).toBe(true);
    world.seconds(3);
    expect(world.phases()).toEqual(['Running Canary']);
    world.seconds(1);
    expect([world.phases(), world.trial.isRunning, world.trial.takeMoved()]).toEqual([
      ['Running Everywhere'],
      false,
      true,
    ]);
    // What the canaries had: not one byte is sent to them again.
    expect(world.tracks()[0]).toBe(tried);
    expect(world.loop.plan?.decisions.chat?.endpoints[0]?.health).toBe('Draining');
    expect(world.kinds()).toEqual(['OperationBegan', 'OperationPassed']);
  });

  it('differs for them by nothing else: not in structure, and not in a shed of before that is in force', async () => {
    await world.begin({ kind: 'Shed', percent: 10, now: true } as never);
    await world.begin();
    for (const typeUrl of [TYPE_URL.cluster, TYPE_URL.listener, TYPE_URL.route, TYPE_URL.runtime]) {
      const [stable, canary] = world.tracks(typeUrl);
      expect(canary, typeUrl).toBe(stable);
    }
    const [stable, canary] = world.tracks();
    expect(canary).not.toBe(stable);
  });

  it('is cancelled with the reason when one refuses it, and nobody has it any more', async () => {
    const [before] = world.tracks();
    await world.begin();
    world.standing = { kind: 'Refused', type: 'eds', resource: 'chat', message: 'malformed' };
    world.seconds(1);
    expect([world.tracks(), world.trial.isRunning, world.trial.takeMoved()]).toEqual([[before, before], false, true]);
    expect(world.operations.list(true)).toMatchObject([
      {
        state: 'Cancelled',
        phase: 'Canary',
        cancelledBy: 'loadline',
        cancelReason: expect.stringMatching(/^Nack on [abc]: eds chat: malformed$/),
      },
    ]);
    expect(world.kinds()).toEqual(['OperationBegan', 'OperationCancelled']);
    expect(world.events[1]?.message).toContain('taken back from the canaries: Nack on ');
    expect(world.trail.map(({ action, author }) => [action, author])).toEqual([
      ['Drain', ADA],
      ['Cancel', 'loadline'],
    ]);
  });

  it('is everybody’s at once with --now, which the audit trail tells, and where a group has no canaries', async () => {
    const [before] = world.tracks();
    await world.begin({ now: true });
    expect([world.phases(), world.trial.isRunning]).toEqual([['Running Everywhere'], false]);
    expect(world.tracks()[0]).not.toBe(before);
    expect(world.trail[0]?.details).toMatchObject({ now: 'true' });
    const plain = new World(policy(1, false));
    await plain.begin();
    expect([plain.phases(), plain.trial.isRunning]).toEqual([['Running Everywhere'], false]);
  });

  it('ends at its time also among canaries, and by hand at once', async () => {
    const [before] = world.tracks();
    const short = await world.begin({}, 2000);
    expect(short.ok && short.value.notes.join()).toContain('it ends before canaries have held it (3 s)');
    world.seconds(2);
    expect(world.events.at(-1)?.message).toContain('its end has come before canaries had held it: nobody else has had');
    expect([world.phases(), world.trial.isRunning, world.tracks()]).toEqual([
      ['Lapsed Canary'],
      false,
      [before, before],
    ]);
    const answer = await world.begin();
    if (!answer.ok) expect.fail('it was refused');
    await world.operations.cancel(answer.value.operation.id, 'enough', ADA);
    expect([world.trial.isRunning, world.tracks()]).toEqual([false, [before, before]]);
  });

  it('is tried together with one that comes meanwhile, from the start of a hold', async () => {
    await world.begin();
    world.seconds(3);
    await world.begin({ endpoint: '10.0.0.2:8000' });
    world.seconds(2);
    expect(world.phases()).toEqual(['Running Canary', 'Running Canary']);
    world.seconds(3);
    expect(world.phases()).toEqual(['Running Everywhere', 'Running Everywhere']);
  });

  it('goes on among canaries without the one that was cancelled', async () => {
    const [before] = world.tracks();
    const first = await world.begin();
    if (!first.ok) expect.fail('it was refused');
    await world.begin({ endpoint: '10.0.0.2:8000' });
    const [, both] = world.tracks();
    await world.operations.cancel(first.value.operation.id, 'enough', ADA);
    const [stable, second] = world.tracks();
    expect([stable === before, second === both, second === before]).toEqual([true, false, false]);
    world.seconds(5);
    expect(world.operations.list(false)).toMatchObject([{ phase: 'Everywhere' }]);
  });

  it('is refused with what to do while canaries try a policy, and not with --now', async () => {
    world.rollouts.offer(policy(2));
    world.seconds(1);
    expect(await world.begin()).toMatchObject({
      ok: false,
      issues: [{ code: 'Refused', hint: expect.stringContaining('--now') }],
    });
    expect(await world.begin({ now: true })).toMatchObject({ ok: true });
    const [stable, canary] = world.tracks();
    expect(canary).toBe(stable);
  });

  it('lets a policy that comes meanwhile wait, and be tried after it', async () => {
    await world.begin();
    expect(world.rollouts.offer(policy(2))).toBe('Waiting');
    expect(world.rollouts.view()).toMatchObject({ running: null, waiting: policy(2).policy.revision });
    expect(world.trial.view(world.operations.tried)).toMatchObject({
      operations: [world.operations.tried[0]?.id],
      startedAtMs: 1_000_000,
      groups: [{ group: 'lab', sidecars: 3, holdMs: 3000, canaries: [{ standing: 'Synced' }] }],
    });
    world.seconds(3);
    expect([world.rollouts.candidate, world.phases()]).toEqual([undefined, ['Running Canary']]);
    world.seconds(2);
    expect(world.phases()).toEqual(['Running Everywhere']);
    expect(world.rollouts.candidate?.policy.revision).toBe(policy(2).policy.revision);
    expect([world.rollouts.view().waiting, world.trial.view([])]).toEqual([null, null]);
    world.seconds(4);
    expect(world.rollouts.stable?.policy.revision).toBe(policy(2).policy.revision);
  });

  it('is taken up again by a restart in the middle, among canaries, and a policy waits for it as before', async () => {
    await world.begin();
    world.seconds(2);
    const after = new World();
    after.nowMs = world.nowMs + 5000;
    after.members = after.members.map((one) => ({ ...one, connected: false }));
    after.operations.restore(JSON.parse(JSON.stringify(world.operations.book)));
    expect(after.rollouts.offer(policy(2))).toBe('Waiting');
    after.seconds(2);
    expect(after.phases()).toEqual(['Running Canary']);
    after.members = after.members.map((one) => ({ ...one, connected: true }));
    after.seconds(3);
    const [stable, canary] = after.tracks();
    expect([canary === stable, after.phases()]).toEqual([false, ['Running Canary']]);
    after.seconds(3);
    expect([after.phases(), after.kinds()]).toEqual([['Running Everywhere'], ['OperationPassed']]);
    // Where nobody is a canary any more there is nothing to try.
    const plain = new World(policy(1, false));
    plain.nowMs = world.nowMs + 5000;
    plain.operations.restore(JSON.parse(JSON.stringify(world.operations.book)));
    expect(plain.phases()).toEqual(['Running Everywhere']);
  });

  it('is only told of in a dry run, with who has it first', async () => {
    const what = { kind: 'Drain', service: 'chat', reason: 'x', force: false, pool: 'gpu', endpoint: '10.0.0.1:8000' };
    const dry = { what: what as BeginRequest['what'], end: { kind: 'For', ms: 60_000 } as const, dryRun: true };
    const answer = await world.operations.begin(dry, ADA);
    expect(answer.ok && answer.value.notes.join()).toContain('canaries have it first');
    expect([world.trial.isRunning, world.operations.list(true)]).toEqual([false, []]);
  });
});
