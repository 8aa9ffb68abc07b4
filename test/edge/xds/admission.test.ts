import { afterEach, expect, it } from 'vitest';
import { FLAG, FRAME, frame as http2Frame } from '../../../bench/xds/http2-frames.ts';
import type { NodePresence } from '../../../src/core/topology/index.ts';
import { XdsServer } from '../../../src/edge/xds/index.ts';
import { frame } from '../../../src/edge/xds/transport/rpc.ts';
import { urlOf } from '../../conformance/protocol.ts';
import { encodeRequest } from '../../conformance/wire-message.ts';
import { grpcHeaders, headerBlock } from '../../support/hpack.ts';
import { Http2Peer } from '../../support/http2-peer.ts';

const DELTA_ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const CANCEL = Buffer.from([0, 0, 0, 8]);

const presence: NodePresence[] = [];
let server: XdsServer;
let peer: Http2Peer;

afterEach(async () => {
  peer.destroy();
  await server.stop(100);
});

it('a client that is gone before it is let in leaves nothing behind', async () => {
  const open: number[] = [];
  server = new XdsServer({
    address: '127.0.0.1:0',
    snapshots: { groups: () => ['lab'], groupsOf: () => [], servicesOf: () => new Set(), snapshot: () => undefined },
    inbox: { presence: (one) => presence.push(one), report: () => {}, delivery: () => {} },
    meter: { pushed: () => {}, answered: () => {}, streams: (_, count) => open.push(count), reported: () => {} },
    log: { info: () => {}, debug: () => {}, warn: () => {} },
    now: () => Date.now(),
    loadReportIntervalMs: 1000,
  });
  const address = await server.start();
  peer = new Http2Peer(Number(address.split(':').at(-1)));
  // All in one piece, so that all are gone within the turn of the event loop in which they came: some wait by then.
  const calls = Array.from({ length: 100 }, (_, index) => {
    const stream = 2 * index + 1;
    const request = encodeRequest('delta', urlOf('cds'), {}, { id: `envoy-${index}`, cluster: 'lab' });
    return Buffer.concat([
      http2Frame(FRAME.headers, FLAG.endHeaders, stream, headerBlock(grpcHeaders(DELTA_ADS))),
      http2Frame(FRAME.data, 0, stream, frame(request)),
      http2Frame(FRAME.rstStream, 0, stream, CANCEL),
    ]);
  });
  peer.write(...calls, http2Frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
  await peer.until('an answer', () => peer.frames.some(({ type }) => type === FRAME.ping));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const count = (kind: NodePresence['kind']): number => presence.filter((one) => one.kind === kind).length;
  expect(count('Connected')).toBeGreaterThan(0);
  expect(count('Disconnected')).toBe(count('Connected'));
  expect(open.at(-1)).toBe(0);
  expect(server.keys()).toEqual([]);
});
