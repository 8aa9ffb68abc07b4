import { describe, expect, it } from 'vitest';
import { type ModelResource, TYPE } from './index.ts';
import { assignment, cluster, lines, listener, route, runtime, Scene } from './scene.ts';

const OTHERS = ['a', 'b'];

describe('the wire of a Sotw Envoy', () => {
  it('every request has all names, the last nonce and the last accepted version', () => {
    const scene = new Scene('Sotw').serve('a');
    expect(lines(scene.send('cluster', [cluster('a', '1'), cluster('b', '1'), cluster('c', '1')]))).toEqual([
      'eds =a,b,c v3 ack 3',
    ]);
    expect(lines(scene.send('endpoint', [assignment('b', '1'), assignment('c', '1')]))).toEqual([
      'cds v6 ack 6',
      'eds =a,b,c v7 ack 7',
    ]);
    scene.send('route', [route('r', '2', 'a')]);
    expect(lines(scene.send('cluster', [cluster('a', '1')]))).toEqual(['eds =a v7 ack 7', 'cds v9 ack 9']);
  });

  it('a changed cluster repeats the request for assignments, with the same names', () => {
    const scene = new Scene('Sotw').serve(...OTHERS);
    expect(lines(scene.change(cluster('a', '2'), 'b'))).toEqual(['eds =a,b v3 ack 3']);
  });

  it('a cluster that goes live by time-out lets its predecessor go, which repeats the request once more', () => {
    const scene = new Scene('Sotw').serve(...OTHERS);
    scene.change(cluster('a', '2'), 'b');
    expect(lines(scene.wait(15_000))).toEqual(['eds =a,b v3 ack 3', 'cds v6 ack 6']);
  });

  it('a NACK has the new nonce and the old version', () => {
    const refuse = (_: string, { version }: ModelResource) =>
      version === 'bad' ? ({ kind: 'Rule', reason: 'no' } as const) : undefined;
    const scene = new Scene('Sotw', { refuse }).serve('a');
    expect(lines(scene.send('cluster', [cluster('a', 'bad')]))).toEqual(['cds v2 nack 6']);
    expect(lines(scene.send('cluster', [cluster('a', '1')]))).toEqual(['cds v7 ack 7']);
  });

  it('a resource that was not asked for is ignored, and the response ACKed', () => {
    const scene = new Scene('Sotw').serve('a');
    expect(lines(scene.send('endpoint', [assignment('stranger', '1')]))).toEqual(['eds =a v6 ack 6']);
    expect([...scene.model.heldVersions(TYPE.endpoint).keys()]).toEqual(['a']);
    expect(scene.model.problems()).toEqual([]);
  });

  it('when nobody watches a type any more, resources of it are neither ACKed nor refused', () => {
    const scene = new Scene('Sotw').serve('a');
    scene.send('route', [route('r', '2')]);
    expect(lines(scene.send('cluster', []))).toEqual(['eds v3 ack 3', 'cds v7 ack 7']);
    expect(lines(scene.send('endpoint', [assignment('a', '1')]))).toEqual(['eds v3 ack 8']);
    expect(scene.send('endpoint', [])).toEqual([]);
    // Its names come back with the next cluster, under the version of that empty response.
    expect(lines(scene.send('cluster', [cluster('a', '1')]))).toEqual(['eds =a v9 ack 9']);
  });

  it('a type that was never asked for gets no answer at all', () => {
    const scene = new Scene('Sotw').serve('a');
    expect(scene.send('secret', [{ name: 's', version: '1', body: { kind: 'secret' } }])).toEqual([]);
    expect(scene.codes()).toEqual(['unasked']);
  });

  it('a new stream says all names and versions without a nonce, empty types included', () => {
    const scene = new Scene('Sotw').serve('a');
    scene.send('listener', [listener('l', '2', 'r', { slots: ['s'] })]);
    expect(lines(scene.reconnect())).toEqual([
      'rtds node =runtime v1',
      'cds v2',
      'eds =a v3',
      'lds v6',
      'rds =r v5',
      'ecds =s',
    ]);
    scene.send('route', [route('r', '2')]);
    scene.send('cluster', []);
    scene.send('listener', []);
    expect(lines(scene.reconnect())).toEqual(['rtds node =runtime v1', 'cds v8', 'eds v3', 'lds v9', 'rds v7', 'ecds']);
  });

  it('while a cluster warms, a new stream says nothing of clusters until it is warm', () => {
    const scene = new Scene('Sotw').serve('a');
    scene.change(cluster('a', '2'));
    expect(lines(scene.reconnect())).toEqual(['rtds node =runtime v1', 'eds =a v3', 'lds v4', 'rds =r v5']);
    expect(lines(scene.send('endpoint', [assignment('a', '1')]))).toEqual(['cds v6', 'eds =a v7 ack 7']);
  });

  it('the node stands in the first request of a stream only', () => {
    const scene = new Scene('Sotw');
    const first = scene.connect();
    const later = scene.send('runtime', [runtime('runtime', '1')]);
    expect([...first, ...later].map(({ node }) => node)).toEqual([true, undefined, undefined]);
  });

  it('held versions are those of the resources that were accepted', () => {
    const scene = new Scene('Sotw').serve('a', 'b');
    scene.send('endpoint', [assignment('b', '7')]);
    expect(Object.fromEntries(scene.model.heldVersions(TYPE.endpoint))).toEqual({ a: '1', b: '7' });
    expect(Object.fromEntries(scene.model.heldVersions(TYPE.cluster))).toEqual({ a: '1', b: '1' });
  });
});
