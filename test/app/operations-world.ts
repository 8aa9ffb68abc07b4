import { Operations } from '../../src/app/operations.ts';
import type { AuditEntry, AuditRecord, RecordOutcome } from '../../src/edge/store/index.ts';
import type { Fleet } from '../core/control/fleet.ts';
import { aFleet } from '../core/operations/two-pools.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';

export const ADA = 'spiffe://lab/ada';
export const RECORDED: RecordOutcome = { kind: 'Recorded', record: {} as AuditRecord };

export type World = {
  readonly operations: Operations;
  readonly fleet: Fleet;
  readonly tick: () => void;
  readonly seconds: (count: number) => void;
  /** Ids of those that drain. */
  readonly drained: () => readonly string[];
  readonly events: readonly string[];
  readonly trail: readonly AuditEntry[];
  readonly saves: () => number;
};

/** A server's loop and what is done to it by hand; disk and trail may fail. */
export function world(
  disk: { saves?: boolean; record?: (entry: AuditEntry) => Promise<RecordOutcome> | undefined } = {},
  fleet: Fleet = aFleet(),
): World {
  const events: string[] = [];
  const trail: AuditEntry[] = [];
  let saved = 0;
  const operations = new Operations({
    loop: {
      get plan() {
        return fleet.state.plan;
      },
      get loads() {
        return fleet.loads;
      },
    },
    perturbations: () => [],
    trial: {
      canaries: [],
      holdMs: () => 0,
      wouldTry: () => false,
      start: () => false,
      step: () => undefined,
      end: () => {},
    },
    isBusy: () => false,
    now: () => fleet.nowMs,
    log: new FakeLog(),
    happened: ({ kind, subject }) => events.push(`${kind} ${subject}`),
    apply: () => tick(),
    save: async () => {
      saved += 1;
      return disk.saves ?? true;
    },
    record: (entry) => {
      trail.push(entry);
      return disk.record === undefined ? Promise.resolve(RECORDED) : disk.record(entry);
    },
  });
  const tick = () => {
    fleet.operations = operations.inputOf(fleet.nowMs);
    operations.ticked(fleet.tick());
  };
  const seconds = (count: number) => {
    for (let i = 0; i < count; i++) {
      fleet.nowMs += 1000;
      tick();
    }
  };
  const drained = () =>
    fleet.state.plan?.decisions.chat?.endpoints.flatMap(({ id, health }) => (health === 'Draining' ? [id] : [])) ?? [];
  return { operations, fleet, tick, seconds, drained, events, trail, saves: () => saved };
}
