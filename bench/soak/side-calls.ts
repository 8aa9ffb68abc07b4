import { connect } from 'node:http2';
import { encodeMessage, type JsonObject } from '../../src/base/codec/index.ts';
import type { Random } from '../../src/base/units/index.ts';
import { frame } from '../../src/edge/xds/transport/rpc.ts';
import type { Tally } from './messages.ts';

const PERIOD_MS = 500;
const OPEN_MS = 3000;

const CALLS: readonly (readonly [path: string, message: string, json: JsonObject])[] = [
  [
    '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats',
    'envoy.service.load_stats.v3.LoadStatsRequest',
    { node: { id: 'reporter', cluster: 'lab', user_agent_name: 'envoy' } },
  ],
  [
    '/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus',
    'envoy.service.status.v3.ClientStatusRequest',
    {},
  ],
  ['/grpc.health.v1.Health/Watch', 'grpc.health.v1.HealthCheckRequest', {}],
  ['/grpc.health.v1.Health/Check', 'grpc.health.v1.HealthCheckRequest', {}],
  [
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    'grpc.reflection.v1.ServerReflectionRequest',
    { file_containing_symbol: 'grpc.health.v1.Health' },
  ],
  ['/lab.Nothing/Here', 'grpc.health.v1.HealthCheckRequest', {}],
];

/** Now and then a connection with one of each of the other calls; some of its calls are left open when it goes. */
export function startSideCalls(port: number, random: Random, tally: Tally): void {
  setInterval(() => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on('error', () => undefined);
    for (const [path, message, json] of CALLS) {
      tally.calls += 1;
      const call = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      call.on('error', () => undefined);
      call.resume();
      call.write(frame(encodeMessage(message, json)));
      if (random() < 0.5) call.end();
    }
    setTimeout(() => session.destroy(), random() * OPEN_MS);
  }, PERIOD_MS);
}
