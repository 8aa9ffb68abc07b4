import { own } from '../../../src/base/units/index.ts';
import { reasonsOf } from '../../../src/core/weights/index.ts';
import { buildServerView, type PolicyView, type ServerView, type ViewInput } from '../../../src/edge/observe/index.ts';
import { Fleet, fleetPolicy } from '../../core/control/fleet.ts';

export const POLICY_VIEW: PolicyView = {
  files: ['lab.yaml'],
  revision: 'r1',
  loadedAtMs: 1000,
  problems: [],
  warnings: [],
};

/** What the rooms know after so many seconds of traffic over three servers, the third of them slow. */
export function viewInput(seconds: number, given: Partial<ViewInput> = {}): ViewInput {
  const fleet = new Fleet(fleetPolicy(), [30, 30, 4]);
  if (seconds > 0) fleet.run(seconds);
  const over = { plan: fleet.state.plan, loads: fleet.loads, ...given };
  return {
    version: '1.2.3',
    startedAtMs: fleet.nowMs - seconds * 1000,
    nowMs: fleet.nowMs,
    tick: fleet.state.tick,
    nodes: [],
    sources: [],
    policy: POLICY_VIEW,
    issuedShares: {},
    reasons: (service) => {
      const decision = own(over.plan?.decisions, service);
      return decision === undefined ? new Map() : reasonsOf(decision, own(over.loads, service));
    },
    ...over,
  };
}

export function serverView(seconds: number, over: Partial<ViewInput> = {}): ServerView {
  return buildServerView(viewInput(seconds, over));
}
