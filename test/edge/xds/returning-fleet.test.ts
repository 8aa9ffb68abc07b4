import { describe, expect, it } from 'vitest';
import { encodeMessage, type Node } from '../../../src/base/codec/index.ts';
import { TYPE_URL } from '../../../src/core/resources/index.ts';
import { KnownSets } from '../../../src/core/subscriptions/index.ts';
import { DISCOVERY_METHODS, type DiscoveryMethod } from '../../../src/edge/xds/discovery-methods.ts';
import { type Admission, DiscoveryStream } from '../../../src/edge/xds/discovery-stream.ts';
import { peerOf } from '../../../src/edge/xds/node-identity.ts';
import { ResponseCache } from '../../../src/edge/xds/response-cache.ts';

describe('an Envoy of ten thousand clusters that comes back with its fleet', () => {
  it('may say what it has while it waits to be let in', () => {
    const ends: number[] = [];
    const window: string[] = [];
    let letIn: (() => void) | undefined;
    const method = DISCOVERY_METHODS.find(({ path }) => path.endsWith('/DeltaAggregatedResources')) as DiscoveryMethod;
    const admit = (node: Node | undefined, _: DiscoveryStream, decided: (admission: Admission) => void): void => {
      const peer = peerOf(node as Node, 'lab', { endpointsOnly: false });
      letIn = () => decided({ ok: true, peer, refusals: [] });
    };
    const nothing = (): undefined => undefined;
    const stream = new DiscoveryStream(
      method,
      {
        path: method.path,
        peer: '127.0.0.1:5000',
        send: nothing,
        end: (status) => ends.push(status),
        pause: () => window.push('paused'),
        resume: () => window.push('resumed'),
      },
      {
        inbox: { presence: nothing, report: nothing, delivery: nothing },
        meter: { pushed: nothing, answered: nothing, streams: nothing, reported: nothing },
        log: { info: nothing, warn: nothing, debug: nothing },
        cache: new ResponseCache(),
        sets: new KnownSets(),
        now: () => 1000,
        admit,
        snapshotOf: nothing,
        left: nothing,
      },
    );
    const ask = (json: Parameters<typeof encodeMessage>[1]): void =>
      stream.message(Buffer.from(encodeMessage('envoy.service.discovery.v3.DeltaDiscoveryRequest', json)));
    ask({ node: { id: 'big', cluster: 'lab' }, type_url: TYPE_URL.cluster });
    const names = Array.from(
      { length: 10_000 },
      (_, index) => `outbound|8080||service-${index}.models.svc.cluster.local`,
    );
    const initial_resource_versions = Object.fromEntries(names.map((name) => [name, '0123456789abcdef']));
    ask({ type_url: TYPE_URL.endpoint, resource_names_subscribe: names, initial_resource_versions });
    letIn?.();
    expect(ends).toEqual([]);
    expect(window).toEqual(['paused', 'resumed']);
    expect(stream.typeUrls()).toContain(TYPE_URL.endpoint);
  });
});
