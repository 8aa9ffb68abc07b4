import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage, type JsonObject } from '../../../src/base/codec/index.ts';
import type { LoadReport, OpenRequests } from '../../../src/core/topology/index.ts';
import { completeReport } from '../../../src/edge/xds/complete-report.ts';
import { LoadReportStream } from '../../../src/edge/xds/load-reports.ts';
import { peerOf } from '../../../src/edge/xds/node-identity.ts';
import type { OpenRequestsSource } from '../../../src/edge/xds/seams.ts';
import type { Rpc } from '../../../src/edge/xds/transport/rpc.ts';

type Asked = Parameters<OpenRequestsSource['of']>[0];

const RPC: Rpc = {
  path: '',
  peer: '10.0.0.7:43512',
  send: () => {},
  pause: () => {},
  resume: () => {},
  end: () => {},
};

/** A stream whose node has introduced itself. */
function streamOf(
  version: readonly [number, number, number],
  options: {
    readonly ask?: () => Promise<OpenRequests | undefined> | undefined;
    peer?: string;
    metadata?: JsonObject;
  } = {},
): { stream: LoadReportStream; reports: LoadReport[]; asked: Asked[] } {
  const reports: LoadReport[] = [];
  const asked: Asked[] = [];
  const quiet = (): void => {};
  const { ask } = options;
  const stream = new LoadReportStream(
    { ...RPC, peer: options.peer ?? RPC.peer },
    {
      inbox: { presence: quiet, delivery: quiet, report: (report) => reports.push(report) },
      log: { info: quiet, warn: quiet, debug: quiet },
      meter: { pushed: quiet, answered: quiet, streams: quiet, reported: quiet },
      loadReportIntervalMs: 1000,
      ...(ask === undefined
        ? {}
        : {
            openRequests: {
              of: (node) => {
                asked.push(node);
                return { ask };
              },
            },
          }),
      now: () => 5000,
      admit: (node) => ({ ok: true, peer: peerOf(node, node.cluster, { endpointsOnly: true }) }),
      clustersOf: () => ['chat'],
      left: quiet,
    },
  );
  const [major_number, minor_number, patch] = version;
  const node: JsonObject = {
    id: 'a',
    cluster: 'lab',
    user_agent_name: 'envoy',
    user_agent_build_version: { version: { major_number, minor_number, patch } },
    ...(options.metadata === undefined ? {} : { metadata: options.metadata }),
  };
  stream.message(message({ node }));
  return { stream, reports, asked };
}

function message(json: JsonObject): Buffer {
  return Buffer.from(encodeMessage('envoy.service.load_stats.v3.LoadStatsRequest', json));
}

function report(issued: number, metrics: readonly JsonObject[] = [], port = 80): Buffer {
  const endpoint: JsonObject = {
    address: { socket_address: { address: '10.0.0.1', port_value: port } },
    total_issued_requests: issued,
    load_metric_stats: metrics as JsonObject[],
  };
  const upstream_locality_stats = issued === 0 ? [] : [{ upstream_endpoint_stats: [endpoint] }];
  return message({ cluster_stats: [{ cluster_name: 'chat', load_report_interval: '1s', upstream_locality_stats }] });
}

function metric(name: string, requests: number, total: number): JsonObject {
  return {
    metric_name: name,
    num_requests_finished_with_metric: requests,
    total_metric_value: Number.isFinite(total) ? total : String(total),
  };
}

const endpointsOf = (reports: readonly LoadReport[]) => reports.flatMap(({ clusters }) => clusters[0]?.endpoints ?? []);

describe('a load report', () => {
  it('carries the mean of what answers said, for the names that were asked for', () => {
    const { stream, reports } = streamOf([1, 40, 0]);
    stream.message(
      report(3, [
        metric('named_metrics.kv_cache_usage_perc', 4, 1),
        metric('named_metrics.num_requests_waiting', 2, 7),
        metric('named_metrics.constructor', 1, 1),
        metric('named_metrics.other', 1, 1),
        metric('cpu_utilization', 1, 1),
      ]),
    );
    expect(endpointsOf(reports)[0]?.orca).toEqual([
      { metric: 'kvUsageRatio', mean: 0.25, answers: 4 },
      { metric: 'waitingRequests', mean: 3.5, answers: 2 },
    ]);
  });

  it('says nothing where there is no mean', () => {
    const { stream, reports } = streamOf([1, 40, 0]);
    stream.message(report(1, [metric('named_metrics.kv_cache_usage_perc', 0, 0)]));
    stream.message(report(1, [metric('named_metrics.kv_cache_usage_perc', 1, Number.POSITIVE_INFINITY)]));
    stream.message(report(1));
    expect(endpointsOf(reports)).toHaveLength(3);
    for (const endpoint of endpointsOf(reports)) expect(endpoint).not.toHaveProperty('orca');
  });

  it('holds only numbers that survive a recording, whatever a server says', () => {
    const total = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY, -1, 1e308));
    const { stream, reports } = streamOf([1, 40, 0]);
    fc.assert(
      fc.property(total, fc.nat({ max: 2 ** 31 }), (sum, count) => {
        reports.length = 0;
        stream.message(report(1, [metric('named_metrics.num_requests_waiting', count, sum)]));
        expect(reports).toHaveLength(1);
        // JSON knows no other numbers: a recording would have null there.
        for (const { mean, answers } of endpointsOf(reports)[0]?.orca ?? []) {
          expect(Number.isFinite(mean) && answers >= 1).toBe(true);
        }
        expect(endpointsOf(reports)[0]?.issued).toBe(1);
      }),
    );
  });

  it.each([
    [[1, 36, 4], false],
    [[1, 37, 0], true],
    [[1, 38, 3], true],
    [[1, 40, 0], true],
  ] as const)('of Envoy %j: absent means idle: %s', (version, idle) => {
    const { stream, reports } = streamOf([...version]);
    stream.message(report(1));
    expect(reports[0]?.absentMeansIdle).toBe(idle);
  });
});

describe('a report of Envoy 1.36', () => {
  const OPEN: OpenRequests = [
    { cluster: 'chat', endpoints: [{ address: '10.0.0.2', port: 80, requests: 3 }] },
    { cluster: 'xds', endpoints: [{ address: '10.0.0.9', port: 1, requests: 2 }] },
  ];

  it('is completed by what is open, and then who is absent is idle', async () => {
    const { stream, reports } = streamOf([1, 36, 4], { ask: async () => OPEN });
    stream.message(report(1));
    expect(reports).toEqual([]);
    await turn();
    expect(reports[0]).toMatchObject({ absentMeansIdle: true, receivedAtMs: 5000 });
    expect(endpointsOf(reports)).toMatchObject([
      { address: '10.0.0.1', issued: 1 },
      { address: '10.0.0.2', inProgress: 3, issued: 0, succeeded: 0, errors: 0 },
    ]);
  });

  it('counts what is open at an endpoint in one cluster of a service beside what it has in another', async () => {
    const open = [{ address: '10.0.0.1', port: 80, requests: 2 }];
    const ask = async (): Promise<OpenRequests> => [
      { cluster: 'chat/standby', endpoints: open },
      { cluster: 'chat/other', endpoints: open },
    ];
    const { stream, reports } = streamOf([1, 36, 4], { ask });
    stream.message(report(1));
    await turn();
    const rows = reports.flatMap(({ clusters }) => clusters);
    expect(rows.map(({ cluster }) => cluster)).toEqual(['chat', 'chat', 'chat']);
    expect(rows.flatMap(({ endpoints }) => endpoints.map(({ issued, inProgress }) => [issued, inProgress]))).toEqual([
      [1, 0],
      [0, 2],
      [0, 2],
    ]);
  });

  it('stays as it is without an answer', async () => {
    for (const ask of [async () => undefined, () => undefined]) {
      const { stream, reports } = streamOf([1, 36, 4], { ask });
      stream.message(report(1));
      await turn();
      expect(reports).toMatchObject([{ absentMeansIdle: false }]);
      expect(endpointsOf(reports)).toHaveLength(1);
    }
  });

  it('does not overtake the one before', async () => {
    let answer: (open: OpenRequests) => void = () => {};
    const answers = [new Promise<OpenRequests>((resolve) => (answer = resolve)), undefined];
    const { stream, reports } = streamOf([1, 36, 4], { ask: () => answers.shift() });
    stream.message(report(1));
    stream.message(report(2));
    await turn();
    expect(reports).toEqual([]);
    answer(OPEN);
    await turn();
    expect(reports.map(({ clusters }) => clusters[0]?.endpoints[0]?.issued)).toEqual([1, 2]);
    // Nobody waits any more: it goes through at once.
    stream.message(report(3));
    expect(reports).toHaveLength(3);
  });

  it('asks where the node is connected from, on the port of its bootstrap, and nowhere that it names', () => {
    const where = (peer: string, loadline: JsonObject) =>
      streamOf([1, 36, 4], { ask: () => undefined, peer, metadata: { loadline } }).asked;
    expect(where('10.0.0.7:43512', { adminPort: 9902 })).toEqual([
      { id: 'a', group: 'lab', host: '10.0.0.7', port: 9902 },
    ]);
    expect(where('[fd00::7]:43512', {})[0]).toMatchObject({ host: 'fd00::7', port: undefined });
    expect(where('unix', { adminPort: '10.9.9.9:1' })[0]).toMatchObject({ host: '127.0.0.1', port: undefined });
    for (const adminPort of [0, -1, 65_536, 1.5, true, null]) {
      expect(where('10.0.0.7:1', { adminPort })[0]?.port).toBeUndefined();
    }
    expect(streamOf([1, 37, 0], { ask: () => undefined }).asked).toEqual([]);
  });

  it('adds only what it leaves out, and no endpoint twice', () => {
    const before: LoadReport = {
      nodeId: 'a',
      receivedAtMs: 1,
      intervalMs: 1000,
      absentMeansIdle: false,
      clusters: [
        { cluster: 'chat', endpoints: [{ address: 'x', port: 1, inProgress: 5, issued: 2, succeeded: 0, errors: 0 }] },
      ],
    };
    const open = (cluster: string, requests: number) => [{ cluster, endpoints: [{ address: 'x', port: 1, requests }] }];
    expect(completeReport(before, open('chat', 7)).clusters).toEqual(before.clusters);
    expect(completeReport(before, open('code', 0)).clusters).toEqual(before.clusters);
    expect(completeReport(before, open('code', 4)).clusters[1]).toMatchObject({
      cluster: 'code',
      endpoints: [{ inProgress: 4 }],
    });
  });
});

/** Everything that waits for nothing but promises is done. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
