import { describe, expect, it } from 'vitest';
import { LoadlineError } from '../../../src/base/errors.ts';
import { type Result, seededRandom } from '../../../src/base/units/index.ts';
import { type Machine, machineText, type Notice, TAINT_RULES } from '../../../src/core/operations/index.ts';
import { NodeTaintWatch } from '../../../src/edge/agent/node-taint-watch.ts';
import { FakeLog } from '../signals/fake-log.ts';
import { FakeTimers } from '../signals/fake-timers.ts';

const SERVERS: readonly Machine[] = [8000, 8001].map((port) => ({ kind: 'Address', address: '10.0.0.1', port }));
const SPOT = { key: 'aws-node-termination-handler/spot-itn', value: 'spot-itn-0a' };
const KARPENTER = { key: 'karpenter.sh/disrupted' };
const AUTOSCALER = 'ToBeDeletedByClusterAutoscaler';
const GONE = { key: 'node.kubernetes.io/out-of-service' };
const OK: Result<unknown> = { ok: true, value: {}, warnings: [] };
type ATaint = { readonly key: string; readonly value?: string };
const node = (...taints: ATaint[]) => ({ spec: { taints } });

/** A node whose taints a test sets, and a server that may be away or refuse. */
class World {
  readonly timers = new FakeTimers();
  readonly log = new FakeLog();
  /** `give 10.0.0.1:8000 karpenter.sh/disrupted +120s`, and the same with `withdraw`. */
  readonly told: string[] = [];
  readonly notices: Notice[] = [];
  answer: (notice: Notice) => Result<unknown> = () => OK;
  readonly watch: NodeTaintWatch;

  constructor(machines: readonly Machine[] = SERVERS.slice(0, 1)) {
    const tell = (word: string) => async (notice: Notice) => {
      const { machine, reason, atMs } = notice;
      const answer = this.answer(notice);
      const [, key] = /^node gpu-7 has the taint (\S+)$/.exec(reason) ?? [];
      const inSec = Math.round((atMs - this.timers.nowMs) / 1000);
      this.told.push(
        `${word} ${machineText(machine).replace(/^address /, '')} ${key} ${inSec}s${answer.ok ? '' : ' !'}`,
      );
      this.notices.push(notice);
      return answer;
    };
    this.watch = new NodeTaintWatch({
      node: 'gpu-7',
      rules: TAINT_RULES,
      machines,
      give: tell('give'),
      withdraw: tell('withdraw'),
      clock: this.timers.clock,
      timers: this.timers,
      random: seededRandom(1),
      log: this.log,
    });
  }

  /** What was told since the last call. */
  async after(ms: number): Promise<readonly string[]> {
    await this.timers.advance(ms);
    return this.told.splice(0);
  }

  async sees(...taints: ATaint[]): Promise<readonly string[]> {
    this.watch.observe(node(...taints));
    return this.after(0);
  }
}

const away = (): never => {
  throw new LoadlineError('LOADLINE_ADMIN', 'the server is away');
};

describe('an agent on a Kubernetes node', () => {
  it('says that its servers go away when a taint says so, once', async () => {
    const world = new World(SERVERS);
    expect(await world.sees({ key: 'node.kubernetes.io/not-ready' })).toEqual([]);
    const given = [8000, 8001].map((port) => `give 10.0.0.1:${port} ${SPOT.key} 120s`);
    expect(await world.sees(SPOT)).toEqual(given);
    expect(await world.sees(SPOT, { key: 'node.kubernetes.io/unschedulable' })).toEqual([]);
    expect(await world.after(3_600_000)).toEqual([]);
    expect(world.notices[0]).toEqual({
      machine: SERVERS[0],
      atMs: 120_000,
      reason: 'node gpu-7 has the taint aws-node-termination-handler/spot-itn',
    });
    expect(world.log.lines).toEqual(['info | interruption notice given', 'info | interruption notice given']);
  });

  it('names its node where it was told of no server', async () => {
    const world = new World([]);
    expect(await world.sees(KARPENTER)).toEqual(['give instance gpu-7 karpenter.sh/disrupted 120s']);
  });

  it('takes it back when the taint is gone, and gives it anew when it comes back', async () => {
    const world = new World();
    await world.sees(KARPENTER);
    await world.after(30_000);
    expect(await world.sees()).toEqual(['withdraw 10.0.0.1:8000 karpenter.sh/disrupted 90s']);
    expect(await world.sees(KARPENTER)).toEqual(['give 10.0.0.1:8000 karpenter.sh/disrupted 120s']);
    expect(world.log.lines[1]).toBe('info | interruption notice withdrawn');
  });

  it('takes nothing back of a node that is gone', async () => {
    const world = new World();
    await world.sees(KARPENTER);
    world.watch.observe(undefined);
    expect(await world.after(60_000)).toEqual([]);
  });

  it('gives what is most urgent first, and the other one again when that is over', async () => {
    const world = new World();
    const autoscaler = { key: AUTOSCALER, value: '0' };
    expect(await world.sees(autoscaler, GONE)).toEqual([
      `give 10.0.0.1:8000 ${GONE.key} 0s`,
      `give 10.0.0.1:8000 ${AUTOSCALER} 600s`,
    ]);
    // The server drained it once, for the first of them.
    expect(await world.sees(autoscaler)).toEqual([
      `withdraw 10.0.0.1:8000 ${GONE.key} 0s`,
      `give 10.0.0.1:8000 ${AUTOSCALER} 600s`,
    ]);
  });

  it('sees a taint that was set anew between two looks by the time in it', async () => {
    const world = new World();
    world.timers.nowMs = 1_800_000_000_000;
    await world.sees({ key: AUTOSCALER, value: '1800000000' });
    await world.after(100_000);
    expect(await world.sees({ key: AUTOSCALER, value: '1800000100' })).toEqual([
      `withdraw 10.0.0.1:8000 ${AUTOSCALER} 500s`,
      `give 10.0.0.1:8000 ${AUTOSCALER} 600s`,
    ]);
  });

  it('tells until it was heard, each server by itself, and logs once why not', async () => {
    const world = new World(SERVERS);
    world.answer = ({ machine }) =>
      machine === SERVERS[0]
        ? { ok: false, issues: [{ code: 'NotFound', path: '', message: 'no such endpoint' }] }
        : OK;
    const refused = `give 10.0.0.1:8000 ${KARPENTER.key}`;
    expect(await world.sees(KARPENTER)).toEqual([`${refused} 120s !`, `give 10.0.0.1:8001 ${KARPENTER.key} 120s`]);
    const again = await world.after(10_000);
    expect(again.length).toBeGreaterThan(1);
    expect(again.every((one) => one.startsWith(refused))).toBe(true);
    world.answer = away;
    await world.after(60_000);
    world.answer = () => OK;
    expect(await world.after(15_000)).toHaveLength(1);
    expect(await world.after(60_000)).toEqual([]);
    expect(world.log.lines).toEqual([
      'warn | interruption notices do not work | the server refuses the notice for address 10.0.0.1:8000: no such endpoint',
      'info | interruption notice given',
      'warn | interruption notices do not work | the server is away',
      'info | interruption notice given',
    ]);
  });

  it('tells nothing that is over before it was heard, and takes back until that is heard', async () => {
    const world = new World();
    world.answer = away;
    world.watch.observe(node(KARPENTER));
    await world.after(5000);
    world.watch.observe(node());
    world.answer = () => OK;
    expect(await world.after(60_000)).toEqual([]);
    await world.sees(KARPENTER);
    world.answer = away;
    world.watch.observe(node());
    await world.after(20_000);
    world.answer = () => OK;
    expect(await world.after(15_000)).toEqual([expect.stringMatching(/^withdraw /)]);
  });

  it('ends with the agent', async () => {
    const world = new World();
    world.answer = away;
    await world.sees(KARPENTER);
    world.watch.stop();
    world.answer = () => OK;
    expect(await world.after(60_000)).toEqual([]);
    expect(world.timers.armed).toBe(0);
  });

  /** The N-th word fails, for each N until none does: the server ends with what the node says. */
  it('is right in the end, whichever word was lost', async () => {
    let failed = true;
    for (let n = 1; failed; n += 1) {
      failed = false;
      const world = new World(SERVERS);
      const drained = new Map<string, Set<string>>();
      let words = 0;
      world.answer = () => {
        words += 1;
        if (words !== n) return OK;
        failed = true;
        return away();
      };
      for (const taints of [[KARPENTER], [KARPENTER, SPOT], [SPOT], [], [GONE]]) {
        world.watch.observe(node(...taints));
        for (const line of await world.after(20_000)) {
          const [word = '', where = '', key = ''] = line.split(' ');
          const keys = drained.get(where) ?? new Set();
          if (word === 'give') keys.add(key);
          else keys.delete(key);
          drained.set(where, keys);
        }
        for (const keys of drained.values()) expect([...keys].sort()).toEqual(taints.map(({ key }) => key).sort());
      }
      expect(drained.size).toBe(2);
      expect(n).toBeLessThan(40);
    }
  });
});
