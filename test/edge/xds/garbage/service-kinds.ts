import { encodeMessage } from '../../../../src/base/codec/index.ts';
import { frame } from '../../../../src/edge/xds/transport/rpc.ts';
import { BLAME, type CallCase } from './call-kinds.ts';
import type { Dice, Kind } from './dice.ts';

const STATUS = 'envoy.service.status.v3.ClientStatusDiscoveryService';
const REFLECTION = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];
const REPORTS = '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats';

const regex = (pattern: string): object => ({ node_id: { safe_regex: { google_re2: {}, regex: pattern } } });
const deep = (depth: number): object =>
  depth === 0 ? { null_match: {} } : { list_match: { one_of: deep(depth - 1) } };
const SEEDS = {
  status: [
    {},
    { node: { id: 'me' }, node_matchers: [regex('(garbage|envoy)-[0-9]{1,3}')], exclude_resource_contents: true },
    { node_matchers: [regex('(a+)+$'), regex('(a|a?)+x'), regex('((')] },
    { node_matchers: [{ node_metadatas: [{ path: [{ key: '__proto__' }], value: deep(40) }] }] },
  ].map((json) => encodeMessage('envoy.service.status.v3.ClientStatusRequest', json as never)),
  reflection: [
    { list_services: '' },
    { file_containing_symbol: 'envoy.service.discovery.v3.AggregatedDiscoveryService' },
    { file_by_filename: '../../package.json' },
    { file_containing_extension: { containing_type: 'google.protobuf.FieldOptions', extension_number: 1071 } },
    { all_extension_numbers_of_type: '__proto__' },
  ].map((json) => encodeMessage('grpc.reflection.v1.ServerReflectionRequest', json)),
  health: ['', 'grpc.health.v1.Health', '__proto__'].map((service) =>
    encodeMessage('grpc.health.v1.HealthCheckRequest', { service }),
  ),
  reports: [
    { node: { id: 'garbage-1', cluster: 'lab' } },
    {
      node: { id: 'garbage-2', cluster: 'lab', user_agent_name: 'envoy' },
      cluster_stats: [{ cluster_name: '__proto__', total_dropped_requests: 7, load_report_interval: '1s' }],
    },
  ].map((json) => encodeMessage('envoy.service.load_stats.v3.LoadStatsRequest', json)),
};

/** What else the port serves: client status, reflection, health and load reports. */
export function serviceKinds(): readonly Kind<CallCase>[] {
  const kind = (
    name: string,
    weight: number,
    paths: readonly string[],
    seeds: readonly Uint8Array[],
  ): Kind<CallCase> => ({
    name: `garbage for ${name}`,
    weight,
    make: (dice) => ({
      path: dice.pick(paths),
      chunks: [Buffer.concat(Array.from({ length: dice.between(1, 3) }, () => frame(bent(dice.pick(seeds), dice))))],
      // A watch stays open when its client says no more.
      ending: paths.some((path) => path.endsWith('/Watch')) || dice.chance(0.1) ? 'Reset' : 'HalfClose',
      ends: BLAME,
    }),
  });
  const reflection = REFLECTION.map((service) => `/${service}/ServerReflectionInfo`);
  return [
    kind('client status', 10, [`/${STATUS}/StreamClientStatus`, `/${STATUS}/FetchClientStatus`], SEEDS.status),
    kind('reflection', 5, reflection, SEEDS.reflection),
    kind('health', 5, ['/grpc.health.v1.Health/Check', '/grpc.health.v1.Health/List'], SEEDS.health),
    kind('a watch of health', 3, ['/grpc.health.v1.Health/Watch'], SEEDS.health),
    kind('load reports', 10, [REPORTS], SEEDS.reports),
  ];
}

/** As it is, damaged, or something else entirely. */
function bent(seed: Uint8Array, dice: Dice): Buffer {
  if (dice.chance(0.2)) return dice.bytes(dice.between(0, 200));
  const copy = Buffer.from(seed);
  if (copy.length === 0 || dice.chance(0.3)) return copy;
  for (let count = dice.between(1, 3); count > 0; count -= 1)
    copy[dice.between(0, copy.length - 1)] = dice.between(0, 255);
  return copy.subarray(0, dice.chance(0.3) ? dice.between(0, copy.length) : copy.length);
}
