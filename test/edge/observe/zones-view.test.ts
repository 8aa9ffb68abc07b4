import { describe, expect, it } from 'vitest';
import { buildExplainView, buildServerView } from '../../../src/edge/observe/index.ts';
import { zonedFleet } from '../../core/control/zoned-fleet.ts';
import { viewInput } from './a-view.ts';

function inputOf(fleet: ReturnType<typeof zonedFleet>) {
  const { plan, zones } = fleet.state;
  return viewInput(0, { plan, loads: fleet.loads, zones });
}

describe('what is told of zones', () => {
  it('is who sends, who is to have it, what is to stay, and what stayed', () => {
    const fleet = zonedFleet();
    fleet.run(30);
    const zones = buildServerView(inputOf(fleet)).services[0]?.zones;
    expect(zones?.plannedLocalRatio).toBeCloseTo(1, 1);
    // The sidecars of this fleet send everywhere alike, whatever they are told.
    expect(zones?.measuredLocalRatio).toBeCloseTo(0.5, 1);
    expect(zones?.zones.map(({ zone }) => zone)).toEqual(['a', 'b']);
    for (const { demandRatio, capacityRatio, localRatio } of zones?.zones ?? []) {
      expect(demandRatio).toBeCloseTo(0.5, 1);
      expect(capacityRatio).toBeCloseTo(0.5, 1);
      expect(localRatio).toBeGreaterThan(0.9);
    }
    const explained = buildExplainView(inputOf(fleet), { service: 'chat' });
    expect(explained.ok && explained.value.zones).toEqual(zones);
  });

  it('is of a zone without sidecars that nothing of it stays, and of no requests nothing', () => {
    const { zones } = buildServerView(inputOf(zonedFleet({ a: 'a', b: 'a' }))).services[0] ?? {};
    expect(zones?.measuredLocalRatio).toBeNull();
    expect(zones?.zones.map(({ zone, localRatio }) => [zone, localRatio])).toEqual([
      ['a', expect.closeTo(0.5, 2)],
      ['b', null],
    ]);
  });

  it('is nothing of a service that prefers none', () => {
    expect(buildServerView(inputOf(zonedFleet({}, false))).services[0]?.zones).toBeNull();
  });
});
