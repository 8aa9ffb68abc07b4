import { describe, expect, it } from 'vitest';
import { encodeMessage, type JsonObject, withoutNewerFields } from '../../../src/base/codec/index.ts';

const CLUSTER = 'envoy.config.cluster.v3.Cluster';

const cluster: JsonObject = {
  name: 'chat',
  outlier_detection: { interval: '1s', detectDegradedHosts: true },
  circuit_breakers: {
    thresholds: [{ max_requests: 9 }, { retry_budget: { budget_interval: '1s', min_retry_concurrency: 3 } }],
  },
};

describe('withoutNewerFields', () => {
  it('leaves out what the release does not have, and names it', () => {
    expect(withoutNewerFields(CLUSTER, cluster, '1.36')).toEqual({
      json: {
        name: 'chat',
        outlier_detection: { interval: '1s' },
        circuit_breakers: { thresholds: [{ max_requests: 9 }, { retry_budget: { min_retry_concurrency: 3 } }] },
      },
      removed: ['outlier_detection.detectDegradedHosts', 'circuit_breakers.thresholds[1].retry_budget.budget_interval'],
    });
  });

  it('keeps what the release has', () => {
    expect(withoutNewerFields(CLUSTER, cluster, '1.38.3').removed).toEqual([
      'circuit_breakers.thresholds[1].retry_budget.budget_interval',
    ]);
    expect(withoutNewerFields(CLUSTER, cluster, '1.39').json).toBe(cluster);
    expect(withoutNewerFields(CLUSTER, cluster, '1.40.0').json).toBe(cluster);
    expect(withoutNewerFields(CLUSTER, cluster, '2.0').json).toBe(cluster);
  });

  it('looks into the content of an Any, in lists and in maps', () => {
    const hcm = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
    const listener: JsonObject = {
      name: 'l',
      filter_chains: [
        {
          filters: [
            {
              name: 'hcm',
              typed_config: {
                '@type': hcm,
                stat_prefix: 's',
                forward_client_cert_matcher: {},
                common_http_protocol_options: { max_connection_duration_jitter: { value: 5 }, idle_timeout: '1s' },
              },
            },
          ],
        },
      ],
    };
    const { json, removed } = withoutNewerFields('envoy.config.listener.v3.Listener', listener, '1.36');
    expect(removed).toEqual([
      'filter_chains[0].filters[0].typed_config.forward_client_cert_matcher',
      'filter_chains[0].filters[0].typed_config.common_http_protocol_options.max_connection_duration_jitter',
    ]);
    expect(json).toMatchObject({
      filter_chains: [{ filters: [{ typed_config: { '@type': hcm, stat_prefix: 's' } }] }],
    });
  });

  it('leaves out an Any whose whole message is newer', () => {
    const cel = {
      '@type': 'type.googleapis.com/envoy.extensions.load_balancing_policies.common.v3.OrcaOobReportingConfig',
    };
    const { json, removed } = withoutNewerFields(
      CLUSTER,
      { metadata: { typed_filter_metadata: { keep: { '@type': 'x/google.protobuf.Empty' }, drop: cel } } },
      '1.38',
    );
    expect(removed).toEqual(['metadata.typed_filter_metadata["drop"]']);
    expect(json).toEqual({ metadata: { typed_filter_metadata: { keep: { '@type': 'x/google.protobuf.Empty' } } } });
  });

  it('does not touch a Struct, whatever its keys are called', () => {
    const struct = { metadata: { filter_metadata: { a: { queuing_policies: [1], fields: 2 } } } };
    expect(withoutNewerFields(CLUSTER, struct, '1.36')).toEqual({ json: struct, removed: [] });
  });

  it('still encodes after pruning, and leaves unknown fields to the encoder', () => {
    const { json } = withoutNewerFields(CLUSTER, cluster, '1.36');
    expect(encodeMessage(CLUSTER, json).length).toBeGreaterThan(0);
    expect(withoutNewerFields(CLUSTER, { no_such_field: 1 }, '1.36').json).toEqual({ no_such_field: 1 });
  });

  it('refuses a release that is none', () => {
    for (const release of ['', 'v1.38', '1', 'latest']) {
      expect(() => withoutNewerFields(CLUSTER, cluster, release)).toThrow(
        expect.objectContaining({ code: 'LOADLINE_CODEC_INVALID_MESSAGE' }),
      );
    }
  });
});
