import { describe, expect, it } from 'vitest';
import { type ControlState, INITIAL_STATE, tick } from '../../../src/core/control/index.ts';
import type { LoadReport } from '../../../src/core/topology/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { loaded } from '../policy/load.ts';

const CLASSES = `apiVersion: loadline.dev/v1alpha1
kind: TrafficClasses
metadata: { name: standard }
spec: { header: x-class, classes: [{ name: P1 }, { name: P2 }] }
---
`;
const OVERLOAD = '  overload: { enterAt: 1, leaveAt: 0.8, actions: [{ shed: { class: P2, upTo: 100% } }] }\n';
const SLOTS = 16;
const REQUEST_SEC = 8;

/** How full the service is for the ladder after half a minute of so much in flight in each pool, and what is shed then. */
function saturated(split: string, inFlight: Readonly<Record<string, number>>, overload = OVERLOAD) {
  const names = Object.keys(inFlight);
  const lines = `      maxRunningRequests: ${SLOTS}\n`;
  const policy = loaded(
    CLASSES +
      poolsPolicy(
        names.map((name, i) => ({ name, ports: [i + 1], lines })),
        split + overload,
        '  trafficClasses: { use: standard, allow: [P1, P2], default: P2 }\n',
      ),
  );
  const endpointSets = staticEndpointSets(policy);
  let state: ControlState = INITIAL_STATE;
  for (let second = 1; second <= 30; second += 1) {
    const nowMs = 1_800_000_000_000 + 1000 * second;
    const endpoints = Object.values(inFlight).map((inProgress, i) => ({
      ...{ address: '127.0.0.1', port: i + 1, inProgress, errors: 0 },
      ...{ issued: inProgress / REQUEST_SEC, succeeded: inProgress / REQUEST_SEC },
    }));
    const report: LoadReport = {
      ...{ nodeId: 'a', receivedAtMs: nowMs, intervalMs: 1000, absentMeansIdle: true },
      clusters: [{ cluster: 'chat', endpoints }],
    };
    const input = { nowMs, policy, endpointSets, samples: [], reports: [report], presence: [] };
    state = tick(state, input).state;
  }
  const { saturation, percents } = state.overload?.chat ?? {};
  return { saturation: Number(saturation?.toFixed(2)), sheds: (percents?.P2 ?? 0) > 0 };
}

const TIERS = '  split: { tiers: [[gpu], [standby]]';

describe('how full a service is', () => {
  it('says nothing of a standby that waits: the first tier is full when its own slots are in use', () => {
    expect(saturated(`${TIERS} }\n`, { gpu: 24, standby: 0 })).toEqual({ saturation: 1.5, sheds: true });
    expect(saturated(`${TIERS} }\n`, { gpu: 8, standby: 0 })).toEqual({ saturation: 0.5, sheds: false });
  });

  it('counts the next tier where Loadline fills it before anybody is refused', () => {
    const split = `${TIERS}, failover: { firstTokenP95Above: 2s } }\n  signals: { engine: {} }\n`;
    expect(saturated(split, { gpu: 24, standby: 0 })).toEqual({ saturation: 0.75, sheds: false });
    expect(saturated(split, { gpu: 24, standby: 24 })).toEqual({ saturation: 1.5, sheds: true });
  });

  it('says nothing of a pool to which a fixed split gives nothing', () => {
    const split = '  split: { mode: Fixed, weights: { gpu: 1, parked: 0 } }\n';
    expect(saturated(split, { gpu: 24, parked: 0 })).toEqual({ saturation: 1.5, sheds: true });
  });

  it('is that of all pools where each has a part', () => {
    const split = '  split: { mode: Fixed, weights: { gpu: 1, other: 1 } }\n';
    expect(saturated(split, { gpu: 24, other: 0 })).toEqual({ saturation: 0.75, sheds: false });
    expect(saturated('', { gpu: 24, other: 0 })).toEqual({ saturation: 0.75, sheds: false });
  });
});
