import { describe, expect, it } from 'vitest';
import { type ControlState, INITIAL_STATE, tick } from '../../../src/core/control/index.ts';
import type { LoadReport } from '../../../src/core/topology/index.ts';
import { staticEndpointSets } from '../../../src/edge/discovery/index.ts';
import { group, loaded } from '../policy/load.ts';

const START_MS = 1_800_000_000_000;

const policyOf = (lines: string, revision: string) =>
  loaded(`${group('[chat]')}---
apiVersion: loadline.dev/v1alpha1
kind: ModelService
metadata: { name: chat }
spec:
  hostnames: ["*"]
${lines}  pools:
    - { name: gpu, modelRevision: a, endpoints: { static: [{ address: 10.0.0.1, port: 8000 }] } }
    - { name: next, modelRevision: ${revision}, endpoints: { static: [{ address: 10.0.0.2, port: 8000 }] } }
`);
const FIXED = '  split: { mode: Fixed, weights: { gpu: 50, next: 50 } }\n';

/** Seconds in which every request to the dead ones fails at once and every other is answered. */
function run(policy: ReturnType<typeof policyOf>, dead: readonly number[], seconds = 10, from = INITIAL_STATE) {
  let state: ControlState = from;
  const input = { policy, endpointSets: staticEndpointSets(policy), samples: [] };
  const startMs = from === INITIAL_STATE ? START_MS : from.atMs;
  for (let second = 1; second <= seconds; second += 1) {
    const nowMs = startMs + 1000 * second;
    const endpoints = [1, 2].map((host) => ({
      ...{ address: `10.0.0.${host}`, port: 8000, inProgress: 0, issued: 20 },
      ...(dead.includes(host) ? { succeeded: 0, errors: 20 } : { succeeded: 20, errors: 0 }),
    }));
    const report: LoadReport = {
      ...{ nodeId: 'a', receivedAtMs: nowMs, intervalMs: 1000, absentMeansIdle: true },
      clusters: [{ cluster: 'chat', endpoints }],
    };
    const presence = [{ nodeId: 'a', group: 'lab', connected: true, atMs: nowMs }] as never;
    state = tick(state, { ...input, nowMs, presence: second === 1 ? presence : [], reports: [report] }).state;
  }
  return state;
}

const cuts = (state: ControlState) => state.plan?.retryCuts ?? [];

describe('where nothing is tried again', () => {
  it('is the cluster of a pool with nothing behind it that is dead as a whole, however well the others are', () => {
    const policy = policyOf(FIXED, 'b');
    const state = run(policy, [1]);
    expect(cuts(state)).toEqual(['chat/gpu']);
    expect(cuts(run(policy, [1, 2]))).toEqual(['chat/gpu', 'chat/next']);
    expect(cuts(run(policy, []))).toEqual([]);
    // Back with the first server of its own that answers.
    expect(cuts(run(policy, [2], 10, state))).toEqual(['chat/next']);
  });

  it('is none while those behind a dead pool answer: its retries go to them', () => {
    const policy = policyOf(FIXED, 'a');
    expect(cuts(run(policy, [1]))).toEqual([]);
    expect(cuts(run(policy, [1, 2]))).toEqual(['chat/gpu', 'chat/next']);
  });

  it('is the one cluster of a service without fixed shares, when all of its servers are dead', () => {
    const policy = policyOf('', 'a');
    expect(cuts(run(policy, [1]))).toEqual([]);
    expect(cuts(run(policy, [1, 2]))).toEqual(['chat']);
  });
});
