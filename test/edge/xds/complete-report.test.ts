import { expect, it } from 'vitest';
import type { LoadReport } from '../../../src/core/topology/index.ts';
import { completeReport } from '../../../src/edge/xds/complete-report.ts';

it('a report that is completed keeps what it says of each cluster of a service with a fixed split', () => {
  const row = (port: number) => ({ address: '10.0.0.1', port, inProgress: 3, issued: 5, succeeded: 5, errors: 0 });
  const report: LoadReport = {
    nodeId: 'a',
    receivedAtMs: 0,
    intervalMs: 1000,
    absentMeansIdle: false,
    // `chat/core` and `chat/plain`, by the service that they are of.
    clusters: [
      { cluster: 'chat', endpoints: [row(1), row(2)] },
      { cluster: 'chat', endpoints: [row(3)] },
    ],
  };
  const ports = completeReport(report, []).clusters.flatMap(({ endpoints }) => endpoints.map(({ port }) => port));
  expect(ports.sort()).toEqual([1, 2, 3]);
});
