import { describe, expect, it } from 'vitest';
import {
  encodeClientStatusResponse,
  encodeMessage,
  encodeResourceStatus,
  encodeStatusNode,
  type JsonObject,
  type ResourceStatus,
} from '../../../src/base/codec/index.ts';

const RESPONSE = 'envoy.service.status.v3.ClientStatusResponse';
const CLUSTER = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';

const FULL: ResourceStatus = {
  typeUrl: CLUSTER,
  name: 'chat',
  version: 'v2',
  bytes: encodeMessage(CLUSTER, { name: 'chat', connect_timeout: '1s' }),
  lastUpdatedMs: 1_700_000_000_001,
  configStatus: 'ERROR',
  clientStatus: 'NACKED',
  errorState: { lastUpdateAttemptMs: 1_700_000_000_999, details: 'no', version: 'v1' },
};

const FULL_JSON: JsonObject = {
  type_url: CLUSTER,
  name: 'chat',
  version_info: 'v2',
  xds_config: { '@type': CLUSTER, name: 'chat', connect_timeout: '1s' },
  last_updated: '2023-11-14T22:13:20.001Z',
  config_status: 'ERROR',
  client_status: 'NACKED',
  error_state: { last_update_attempt: '2023-11-14T22:13:20.999Z', details: 'no', version_info: 'v1' },
};

/** The same bytes as the encoder of whole messages. */
function expectSame(node: Uint8Array, resources: readonly ResourceStatus[], json: JsonObject): void {
  const bytes = encodeClientStatusResponse([{ node, resources: resources.map(encodeResourceStatus) }]);
  expect(bytes.equals(encodeMessage(RESPONSE, { config: [json] }))).toBe(true);
}

describe('a client status response', () => {
  const node = encodeStatusNode({ id: 'n', cluster: 'web', envoyVersion: '' });

  it('is written as encodeMessage writes it', () => {
    const node_json = { id: 'n', cluster: 'web' };
    const none: ResourceStatus = {
      typeUrl: CLUSTER,
      name: 'c',
      version: '',
      configStatus: 'UNKNOWN',
      clientStatus: 'UNKNOWN',
    };
    expectSame(node, [FULL, none], {
      node: node_json,
      generic_xds_configs: [FULL_JSON, { type_url: CLUSTER, name: 'c' }],
    });
    expectSame(node, [{ ...FULL, bytes: new Uint8Array() }], {
      node: node_json,
      generic_xds_configs: [{ ...FULL_JSON, xds_config: { '@type': CLUSTER } }],
    });
    expectSame(node, [], { node: node_json });
    expect(encodeClientStatusResponse([])).toHaveLength(0);
  });

  it.each([0, 1, 999, 1000, 1_700_000_000_000, 1_700_000_000_123, -1])('writes a time of %i ms', (ms) => {
    const { last_updated: _, ...rest } = FULL_JSON;
    expectSame(node, [{ ...FULL, lastUpdatedMs: ms }], {
      node: { id: 'n', cluster: 'web' },
      generic_xds_configs: [{ ...rest, last_updated: new Date(ms).toISOString() }],
    });
  });

  it.each<[ResourceStatus['configStatus'], ResourceStatus['clientStatus']]>([
    ['SYNCED', 'REQUESTED'],
    ['NOT_SENT', 'DOES_NOT_EXIST'],
    ['STALE', 'ACKED'],
    ['ERROR', 'NACKED'],
  ])('writes %s and %s', (configStatus, clientStatus) => {
    expectSame(node, [{ ...FULL, configStatus, clientStatus }], {
      node: { id: 'n', cluster: 'web' },
      generic_xds_configs: [{ ...FULL_JSON, config_status: configStatus, client_status: clientStatus }],
    });
  });
});

describe('its node', () => {
  it.each([
    ['1.40.2', { user_agent_build_version: { version: { major_number: 1, minor_number: 40, patch: 2 } } }],
    ['1.41.0-dev', { user_agent_version: '1.41.0-dev' }],
    ['99999999999.0.0', { user_agent_version: '99999999999.0.0' }],
    ['', {}],
  ])('has version %j', (envoyVersion, expected) => {
    const bytes = encodeStatusNode({ id: 'n', cluster: 'web', envoyVersion });
    const json = { id: 'n', cluster: 'web', ...expected };
    expect(bytes).toEqual(encodeMessage('envoy.config.core.v3.Node', json));
  });
});
