import { describe, expect, it } from 'vitest';
import { LoadlineError } from '../../../src/base/errors.ts';
import type { Result } from '../../../src/base/units/index.ts';
import type { Machine, Notice } from '../../../src/core/operations/index.ts';
import type { InstanceAction } from '../../../src/edge/agent/instance-metadata.ts';
import { InterruptionWatch } from '../../../src/edge/agent/interruption-watch.ts';
import { FakeLog } from '../signals/fake-log.ts';
import { FakeTimers } from '../signals/fake-timers.ts';

const GOES = { action: 'terminate', atMs: Date.parse('2026-01-02T03:04:05Z') };
const SERVERS: readonly Machine[] = [8000, 8001].map((port) => ({ kind: 'Address', address: '10.0.0.1', port }));

/** A machine that is told when a test says so, and a server that may be away or refuse. */
class World {
  readonly timers = new FakeTimers();
  readonly log = new FakeLog();
  readonly given: Notice[] = [];
  action: Result<InstanceAction | undefined> = { ok: true, value: undefined, warnings: [] };
  answer: () => Result<unknown> = () => ({ ok: true, value: {}, warnings: [] });
  readonly watch: InterruptionWatch;

  constructor(machines: readonly Machine[] = SERVERS) {
    this.watch = new InterruptionWatch({
      metadata: {
        instanceAction: async () => this.action,
        instanceId: async () => ({ ok: true, value: 'i-0abc', warnings: [] }),
      },
      machines,
      give: async (notice) => {
        this.given.push(notice);
        return this.answer();
      },
      timers: this.timers,
      log: this.log,
    });
    this.watch.start();
  }
}

describe('an agent on a machine that goes away', () => {
  it('tells the server until it was heard, and no more', async () => {
    const world = new World();
    await world.timers.advance(10_000);
    expect(world.given).toEqual([]);
    world.action = { ok: true, value: GOES, warnings: [] };
    world.answer = () => {
      throw new LoadlineError('LOADLINE_ADMIN', 'the server is away');
    };
    await world.timers.advance(2000);
    expect(world.given.map(({ machine }) => machine)).toEqual(SERVERS);
    world.answer = () => ({ ok: true, value: {}, warnings: [] });
    await world.timers.advance(2000);
    expect(world.given.slice(2)).toEqual(
      SERVERS.map((machine) => ({ machine, atMs: GOES.atMs, reason: 'Spot interruption: terminate' })),
    );
    await world.timers.advance(60_000);
    expect(world.given).toHaveLength(4);
    expect(world.log.lines).toEqual([
      'warn | interruption notices do not work | the server is away',
      'info | interruption notice given',
      'info | interruption notice given',
    ]);
  });

  it('names the machine where no server is told to it', async () => {
    const world = new World([]);
    world.action = { ok: true, value: GOES, warnings: [] };
    await world.timers.advance(0);
    expect(world.given).toMatchObject([{ machine: { kind: 'Instance', id: 'i-0abc' } }]);
  });

  it('tells once what does not work, and goes on asking', async () => {
    const world = new World();
    world.action = { ok: false, issues: [{ code: 'Metadata', path: '', message: 'answers 500' }] };
    await world.timers.advance(20_000);
    expect(world.log.lines).toEqual([
      'warn | interruption notices do not work | the instance metadata service answers 500',
    ]);
    world.action = { ok: true, value: GOES, warnings: [] };
    world.answer = () => ({ ok: false, issues: [{ code: 'NotFound', path: '', message: 'no endpoint is known' }] });
    await world.timers.advance(2000);
    expect(world.given).toHaveLength(2);
    expect(world.log.lines).toHaveLength(3);
  });

  it('asks nothing any more when it is stopped', async () => {
    const world = new World();
    await world.timers.advance(0);
    world.watch.stop();
    expect(world.timers.armed).toBe(0);
  });
});
