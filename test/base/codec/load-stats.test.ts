import { describe, expect, it } from 'vitest';
import {
  decodeLoadStatsRequest,
  encodeLoadStatsResponse,
  encodeMessage,
  type JsonObject,
  messageToJson,
} from '../../../src/base/codec/index.ts';

const REQUEST = 'envoy.service.load_stats.v3.LoadStatsRequest';

const endpoint = (address: string, port: number, counts: JsonObject): JsonObject => ({
  address: { socket_address: { address, port_value: port } },
  ...counts,
});

describe('decodeLoadStatsRequest', () => {
  it('sums an endpoint over localities and priorities', () => {
    const bytes = encodeMessage(REQUEST, {
      cluster_stats: [
        {
          cluster_name: 'chat',
          cluster_service_name: 'chat/gpu',
          load_report_interval: '1.002s',
          total_dropped_requests: 3,
          upstream_locality_stats: [
            {
              locality: { zone: 'a' },
              total_issued_requests: 9,
              upstream_endpoint_stats: [
                endpoint('10.0.0.1', 80, { total_requests_in_progress: 2, total_issued_requests: 4 }),
                endpoint('10.0.0.2', 80, { total_successful_requests: 5, total_error_requests: 1 }),
              ],
            },
            {
              locality: { zone: 'b' },
              priority: 1,
              upstream_endpoint_stats: [
                endpoint('10.0.0.1', 80, { total_requests_in_progress: 1, total_successful_requests: 7 }),
                { address: { pipe: { path: '/run/s.sock' } }, total_issued_requests: 1 },
              ],
            },
          ],
        },
        { cluster_name: 'xds' },
      ],
    });
    expect(decodeLoadStatsRequest(bytes)).toEqual({
      clusterStats: [
        {
          clusterName: 'chat',
          clusterServiceName: 'chat/gpu',
          loadReportIntervalMs: 1002,
          droppedRequests: 3,
          endpoints: [
            { address: '10.0.0.1', port: 80, inProgress: 3, issued: 4, succeeded: 7, errors: 0 },
            { address: '10.0.0.2', port: 80, inProgress: 0, issued: 0, succeeded: 5, errors: 1 },
            { address: '/run/s.sock', port: 0, inProgress: 0, issued: 1, succeeded: 0, errors: 0 },
          ],
        },
        { clusterName: 'xds', clusterServiceName: '', loadReportIntervalMs: 0, droppedRequests: 0, endpoints: [] },
      ],
    });
  });

  it('sums what answers said of their load by name, whatever the numbers are', () => {
    const metric = (name: string, requests: string, total: number | string): JsonObject => ({
      metric_name: name,
      num_requests_finished_with_metric: requests,
      total_metric_value: total,
    });
    const bytes = encodeMessage(REQUEST, {
      cluster_stats: [
        {
          cluster_name: 'chat',
          upstream_locality_stats: [
            {
              load_metric_stats: [metric('named_metrics.kv', '9', 9)],
              upstream_endpoint_stats: [
                endpoint('10.0.0.1', 80, { load_metric_stats: [metric('named_metrics.kv', '2', 1)] }),
                endpoint('10.0.0.2', 80, {
                  load_metric_stats: [
                    metric('named_metrics.kv', '1', 'Infinity'),
                    metric('named_metrics.q', '18446744073709551615', -7),
                  ],
                }),
              ],
            },
            {
              upstream_endpoint_stats: [
                endpoint('10.0.0.1', 80, { load_metric_stats: [metric('named_metrics.kv', '1', 0.5)] }),
                endpoint('10.0.0.1', 80, { total_issued_requests: 1 }),
              ],
            },
          ],
        },
      ],
    });
    const [cluster] = decodeLoadStatsRequest(bytes).clusterStats;
    expect(cluster?.endpoints.map(({ address, metrics }) => ({ address, metrics }))).toEqual([
      { address: '10.0.0.1', metrics: [{ name: 'named_metrics.kv', requests: 3, total: 1.5 }] },
      {
        address: '10.0.0.2',
        metrics: [
          { name: 'named_metrics.kv', requests: 1, total: Number.POSITIVE_INFINITY },
          { name: 'named_metrics.q', requests: 2 ** 64, total: -7 },
        ],
      },
    ]);
  });

  it('reads the node of the first message', () => {
    const bytes = encodeMessage(REQUEST, { node: { id: 'a', cluster: 'lab' } });
    expect(decodeLoadStatsRequest(bytes)).toMatchObject({ node: { id: 'a', cluster: 'lab' }, clusterStats: [] });
  });

  it('refuses a counter that a number would round', () => {
    const stats = [endpoint('10.0.0.1', 80, { total_issued_requests: '18446744073709551615' })];
    const bytes = encodeMessage(REQUEST, {
      cluster_stats: [{ cluster_name: 'c', upstream_locality_stats: [{ upstream_endpoint_stats: stats }] }],
    });
    expect(() => decodeLoadStatsRequest(bytes)).toThrow(
      expect.objectContaining({ code: 'LOADLINE_CODEC_UNREADABLE', message: expect.stringContaining('issued') }),
    );
  });
});

describe('encodeLoadStatsResponse', () => {
  it('asks for what it is told to ask for', () => {
    const response = encodeLoadStatsResponse({
      sendAllClusters: true,
      clusters: [],
      intervalMs: 1000,
      endpointGranularity: true,
    });
    expect(Buffer.isBuffer(response)).toBe(true);
    expect(messageToJson('envoy.service.load_stats.v3.LoadStatsResponse', response)).toEqual({
      send_all_clusters: true,
      load_reporting_interval: '1s',
      report_endpoint_granularity: true,
    });
  });
});
