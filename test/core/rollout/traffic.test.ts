import { describe, expect, it } from 'vitest';
import { aboutServices, stepTraffic } from '../../../src/core/rollout/index.ts';
import { countsOf } from '../../../src/core/rollout/traffic.ts';
import type { LoadReport } from '../../../src/core/topology/index.ts';

const counts = (cluster: string, issued: number, errors: number): LoadReport['clusters'][number] => ({
  cluster,
  endpoints: [{ address: '127.0.0.1', port: 18000, inProgress: 0, issued, succeeded: issued - errors, errors }],
});

/** The first of an Envoy after its server was away for some seconds: its own streams failed, its requests did not. */
const REPORT: LoadReport = {
  nodeId: 'a',
  receivedAtMs: 5000,
  intervalMs: 4000,
  absentMeansIdle: true,
  clusters: [counts('chat', 20, 0), counts('loadline_xds', 7, 7), counts('zipkin', 3, 3)],
};

describe('what a canary did', () => {
  it('is what it did for the services, not what became of its streams to Loadline', () => {
    expect(aboutServices([REPORT], [{ name: 'chat' }]).map(countsOf)).toEqual([{ requests: 20, errors: 0 }]);
    expect(aboutServices([REPORT], []).map(countsOf)).toEqual([{ requests: 0, errors: 0 }]);
    const traffic = stepTraffic(new Map(), aboutServices([REPORT], [{ name: 'chat' }]), 5000, () => true);
    expect(traffic.get('a')).toMatchObject({ requests: 20, errors: 0 });
  });

  it('is not what became of copies: a change that begins to send them to a version that fails is no bad change', () => {
    const report = { ...REPORT, clusters: [counts('chat', 20, 0), counts('next', 10, 10)] };
    const services = [{ name: 'chat' }, { name: 'chat', mirror: { toService: 'next' } }, { name: 'next' }];
    expect(aboutServices([report], services).map(countsOf)).toEqual([{ requests: 20, errors: 0 }]);
  });
});
