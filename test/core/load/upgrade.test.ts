import { describe, expect, it } from 'vitest';
import { type LoadState, stepLoad } from '../../../src/core/load/index.ts';
import { type LoadStateV1, upgraded } from '../../../src/core/load/upgrade.ts';
import { endpoint, endpoints, START_MS } from '../weights/beliefs.ts';
import { namedOf } from './named-sidecars.ts';
import { inputAt, live, N, report, steady } from './seconds.ts';

/** As a server of before wrote it. */
function version1({ ids, ...state }: LoadState): LoadStateV1 {
  return { ...state, version: 1, sidecars: namedOf({ ids, sidecars: state.sidecars }) };
}

describe('a state of version 1', () => {
  it("goes on as today's does, also where an endpoint has left since", () => {
    const { state } = live(20, steady);
    const old = JSON.parse(JSON.stringify(version1(state))) as LoadStateV1;
    expect(upgraded(old)).toEqual(state);
    const nowMs = START_MS + 20_000;
    for (const members of [endpoints(N), endpoints(N).slice(1)]) {
      const second = { endpoints: members, reports: [report(nowMs - 200, () => ({ inFlight: 7, issued: 3 }))] };
      expect(stepLoad(old, inputAt(nowMs, second))).toEqual(stepLoad(state, inputAt(nowMs, second)));
    }
  });

  it('may hold requests of an endpoint that left', () => {
    const { state } = live(3, steady);
    const old = version1(state);
    const gone = endpoint(9).id;
    const [first] = old.sidecars;
    const { ids, sidecars } = upgraded({ ...old, sidecars: [{ ...first!, inFlight: { [gone]: 4 }, pending: {} }] });
    expect(ids).toEqual([...endpoints(N).map(({ id }) => id), gone]);
    expect(sidecars[0]).toMatchObject({ places: [N], inFlight: [4], pending: [0] });
  });

  it('of today is left as it is', () => {
    const { state } = live(1, steady);
    expect(upgraded(state)).toBe(state);
  });
});
