import {
  AssignmentEncoder,
  encodeDeltaResponse,
  encodedResourceFromBytes,
  encodeMessage,
  messageToJson,
} from '../src/base/codec/index.ts';
import { TYPE_URL } from '../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot } from '../src/core/snapshot/index.ts';
import { XdsServer } from '../src/edge/xds/index.ts';
import type { Row } from './main.ts';
import { cpuMs, median } from './median.ts';
import { startReaders } from './readers.ts';

const STREAMS = 100;
const ENDPOINTS = 1000;
const PUSHES = 20;

/** Encode and push of one assignment with 1,000 endpoints to 100 delta streams, and the same encoded once per stream. */
export async function fanOut(): Promise<readonly Row[]> {
  const typeUrl = TYPE_URL.endpoint;
  const encoder = new AssignmentEncoder();
  const key = { group: 'lab', release: '1.40', listenerOverrides: {} };
  const inputOf = (round: number) => ({
    clusterName: 'chat',
    weightedPriorityHealth: true,
    localities: [
      {
        zone: '',
        priority: 0,
        endpoints: Array.from({ length: ENDPOINTS }, (_, index) => ({
          address: `10.0.${Math.floor(index / 250)}.${1 + (index % 250)}`,
          port: 8000,
          weight: 1 + ((index * 13 + round) % 1000),
          health: 'HEALTHY' as const,
        })),
      },
    ],
  });
  const snapshotOf = (round: number, before?: Snapshot): Snapshot => {
    const encoded = encodedResourceFromBytes({ typeUrl, name: 'chat', bytes: encoder.encode(inputOf(round)) });
    return makeSnapshot(key, [{ ...encoded, needs: [] }], before);
  };
  let snapshot = snapshotOf(0);
  const server = new XdsServer({
    address: '127.0.0.1:0',
    snapshots: { groups: () => ['lab'], groupsOf: () => [], servicesOf: () => new Set(), snapshot: () => snapshot },
    inbox: { presence: () => {}, report: () => {}, delivery: () => {} },
    meter: { pushed: () => {}, answered: () => {}, streams: () => {}, reported: () => {} },
    log: { info: () => {}, warn: () => {}, debug: () => {} },
    now: () => performance.now(),
    loadReportIntervalMs: 1000,
  });
  await server.start();
  const readers = await startReaders(server.address, STREAMS, typeUrl);
  const encodes: number[] = [];
  const pushes: number[] = [];
  const walls: number[] = [];
  for (let round = 1; round <= PUSHES; round += 1) {
    encodes.push(
      await cpuMs(() => {
        snapshot = snapshotOf(round, snapshot);
      }),
    );
    const version = snapshot.types.get(typeUrl)?.get('chat')?.version as string;
    const began = performance.now();
    pushes.push(
      await cpuMs(async () => {
        const all = readers.allHave(version);
        server.publish();
        await all;
      }),
    );
    walls.push(performance.now() - began);
  }
  await readers.stop();
  await server.stop(200);

  // The dumb twin: the whole response through the generic encoder, once per stream.
  const resource = snapshot.types.get(typeUrl)?.get('chat');
  if (resource === undefined) throw new Error('no assignment');
  const shared = await cpuMs(() => {
    for (let stream = 0; stream < STREAMS; stream += 1) {
      encodeDeltaResponse({
        typeUrl,
        resources: [resource],
        removed: [],
        nonce: String(stream),
      });
    }
  });
  const plain = messageToJson('envoy.config.endpoint.v3.ClusterLoadAssignment', resource.bytes);
  const perStream = await cpuMs(() => {
    for (let stream = 0; stream < STREAMS / 10; stream += 1)
      encodeMessage('envoy.config.endpoint.v3.ClusterLoadAssignment', plain);
  });
  return [
    {
      what: `encode an assignment of ${ENDPOINTS} endpoints`,
      value: `${median(encodes).toFixed(2)} ms`,
      note: `CPU, median of ${PUSHES}, content hash included`,
    },
    {
      what: `push it to ${STREAMS} streams and read the ACKs`,
      value: `${median(pushes).toFixed(1)} ms`,
      note: `CPU of the server, median of ${PUSHES}; ${((median(pushes) * 1000) / STREAMS).toFixed(0)} us a stream`,
    },
    {
      what: `push to the last of ${STREAMS} ACKs`,
      value: `${median(walls).toFixed(1)} ms`,
      note: `wall, median of ${PUSHES}, readers on the other core`,
    },
    {
      what: 'responses from shared bytes / encoded per stream',
      value: `1 : ${((perStream * 10) / Math.max(shared, 0.01)).toFixed(0)}`,
      note: `CPU ratio, ${STREAMS} responses`,
    },
  ];
}
