import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../src/base/units/index.ts';
import { applyReports } from '../../../src/core/load/load-reports.ts';
import type { LoadState } from '../../../src/core/load/load-state.ts';
import { type Endpoint, indexEndpoints, type LoadReport, type NodePresence } from '../../../src/core/topology/index.ts';
import { endpoint, START_MS } from '../weights/beliefs.ts';
import { arrivalsOf, type NamedSidecar, namedOf } from './named-sidecars.ts';
import { applyReportsByName } from './reports-by-name.ts';

const NODES = ['a', 'b', 'c'];
const ODD = [Number.NaN, -1, Infinity, 1e7];

/** Two ways to count load reports, by place and by name, on histories in which everything comes and goes. */
describe('load reports by place', () => {
  it('count what they count by name', () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const random = seededRandom(seed);
      let fast: Pick<LoadState, 'ids' | 'sidecars'> = { ids: [], sidecars: [] };
      let dumb: readonly NamedSidecar[] = [];
      let fleet = [0, 1, 2, 3].map((i) => endpoint(i));
      let nowMs = START_MS;
      for (let tick = 0; tick < 60; tick += 1) {
        nowMs += pick(random, [1000, 1000, 1000, 0, 4000, 15_000, -3000]);
        fleet = moved(random, fleet);
        const input = {
          nowMs,
          service: 'chat',
          index: indexEndpoints(fleet),
          reports: NODES.flatMap((nodeId) => (random() < 0.8 ? [reportOf(random, nodeId, nowMs)] : [])),
          presence: NODES.flatMap((nodeId) => (random() < 0.05 ? [presenceOf(random, nodeId, nowMs)] : [])),
        };
        const out = applyReports(fast, input);
        const told = applyReportsByName(dumb, input);
        expect(namedOf(out), `seed ${seed}, tick ${tick}`).toEqual(told.sidecars);
        expect(arrivalsOf(out), `seed ${seed}, tick ${tick}`).toEqual(told.arrivals);
        for (const [place, { id }] of fleet.entries()) {
          const has = told.sidecars.reduce((sum, { inFlight }) => sum + (inFlight[id] ?? 0), 0);
          const waits = told.sidecars.reduce((sum, { pending }) => sum + (pending[id] ?? 0), 0);
          expect(out.traffic[place]).toMatchObject({ inFlight: has, pending: waits });
        }
        fast = out;
        dumb = told.sidecars;
      }
    }
  });
});

function pick<T>(random: Random, of: readonly T[]): T {
  return of[Math.floor(random() * of.length)] as T;
}

/** Someone joins, leaves, comes back, or all stand in another order. */
function moved(random: Random, fleet: Endpoint[]): Endpoint[] {
  const draw = random();
  const other = endpoint(Math.floor(random() * 8));
  if (draw < 0.1) return fleet.filter(({ id }) => id !== other.id);
  if (draw < 0.2) return [...fleet.filter(({ id }) => id !== other.id), other];
  return draw < 0.25 ? [...fleet].reverse() : fleet;
}

function reportOf(random: Random, nodeId: string, nowMs: number): LoadReport {
  const count = (): number => (random() < 0.03 ? pick(random, ODD) : Math.floor(random() * 6));
  const rows = () =>
    Array.from({ length: 8 }, (_, i) => endpoint(i)).flatMap(({ address, port }) =>
      random() < 0.6
        ? [
            {
              address,
              port,
              inProgress: count(),
              issued: count(),
              succeeded: count(),
              errors: random() < 0.9 ? 0 : count(),
            },
          ]
        : [],
    );
  return {
    nodeId,
    receivedAtMs: nowMs - Math.floor(random() * 900),
    intervalMs: pick(random, [1000, 1000, 2500, Number.NaN]),
    absentMeansIdle: random() < 0.7,
    clusters: pick(random, ['chat', 'chat', 'chat chat', 'other', 'other chat'])
      .split(' ')
      .map((cluster) => ({ cluster, endpoints: rows() })),
  };
}

function presenceOf(random: Random, nodeId: string, atMs: number): NodePresence {
  return { nodeId, group: 'lab', kind: pick(random, ['Connected', 'Disconnected']), atMs, envoyVersion: '1.40.0' };
}
