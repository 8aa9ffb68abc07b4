import { describe, expect, it } from 'vitest';
import { TYPE } from './index.ts';
import { assignment, cluster, lines, listener, route, runtime, Scene } from './scene.ts';

describe('the wire of a Delta Envoy', () => {
  it('names are said once, as they come and go', () => {
    const scene = new Scene('Delta').serve('a');
    expect(lines(scene.send('cluster', [cluster('b', '1'), cluster('c', '1')]))).toEqual(['eds +b,c']);
    expect(lines(scene.send('endpoint', [assignment('b', '1'), assignment('c', '1')]))).toEqual([
      'cds ack 6',
      'eds ack 7',
    ]);
    expect(lines(scene.send('cluster', [cluster('d', '1')], { removed: ['b', 'c'] }))).toEqual(['eds +d -b,c']);
  });

  it('a changed cluster asks for nothing: its assignment is subscribed to already', () => {
    const scene = new Scene('Delta').serve('a');
    expect(scene.send('cluster', [cluster('a', '2')])).toEqual([]);
  });

  it('a cluster that moves to another assignment asks for the new one and later lets the old one go', () => {
    const scene = new Scene('Delta').serve('a');
    expect(lines(scene.send('cluster', [cluster('a', '2', 'b')]))).toEqual(['eds +b']);
    expect(lines(scene.send('endpoint', [assignment('b', '1')]))).toEqual(['eds -a', 'cds ack 6', 'eds ack 7']);
  });

  it('a name that was let go of is forgotten, and asked for in full when it is wanted again', () => {
    const scene = new Scene('Delta').serve('a', 'b');
    scene.send('route', [route('r', '2', 'b')]);
    scene.send('cluster', [], { removed: ['a'] });
    expect(lines(scene.send('cluster', [cluster('a', '1')]))).toEqual(['eds +a']);
    expect(scene.model.heldVersions(TYPE.endpoint).has('a')).toBe(false);
    expect(scene.model.warmingClusters.has('a')).toBe(true);
  });

  it('let go and wanted again in one response is asked for again', () => {
    const scene = new Scene('Delta').serve('a');
    expect(lines(scene.send('cluster', [cluster('b', '1', 'a')], { removed: ['a'] }))).toEqual([]);
    scene.send('endpoint', [assignment('a', '1')]);
    // Removals come after additions, so the name was never without a watcher; the other way round it takes two responses.
    scene.send('cluster', [], { removed: ['b'] });
    expect(lines(scene.send('cluster', [cluster('b', '2', 'a')]))).toEqual(['eds +a']);
  });

  it('a resource that was not asked for is ignored, and the response ACKed', () => {
    const scene = new Scene('Delta').serve('a');
    expect(lines(scene.send('endpoint', [assignment('stranger', '1')], { removed: ['other'] }))).toEqual(['eds ack 6']);
    expect([...scene.model.heldVersions(TYPE.endpoint).keys()]).toEqual(['a']);
    expect(scene.model.problems()).toEqual([]);
  });

  it('a type that was never asked for gets no answer at all', () => {
    const scene = new Scene('Delta').serve('a');
    expect(scene.send('secret', [])).toEqual([]);
    expect(scene.codes()).toEqual(['unasked']);
  });

  it('the node stands in the first request of a stream only', () => {
    const scene = new Scene('Delta');
    const first = scene.connect();
    const later = scene.send('runtime', [runtime('runtime', '1')]);
    expect([...first, ...later].map(({ node }) => node)).toEqual([true, undefined, undefined]);
  });

  it('a new stream names everything wanted and the versions of everything held, in the order of the first wish', () => {
    const scene = new Scene('Delta').serve('a', 'b');
    scene.send('listener', [listener('l', '2', 'r', { slots: ['s'] })]);
    expect(lines(scene.reconnect())).toEqual([
      'rtds node +runtime has runtime@1',
      'cds has a@1,b@1',
      'eds +a,b has a@1,b@1',
      'lds has l@2',
      'rds +r has r@1',
      'ecds +s',
    ]);
    // Only the first request of each type does.
    expect(lines(scene.send('endpoint', [assignment('a', '2')]))).toEqual(['eds ack 7']);
  });

  it('a type of which nothing is wanted any more is not asked for on a new stream', () => {
    const scene = new Scene('Delta').serve();
    scene.send('listener', [], { removed: ['l'] });
    expect(lines(scene.reconnect())).toEqual(['rtds node +runtime has runtime@1', 'cds', 'lds']);
  });

  it('what was not taken before the stream broke is lost; the wish is repeated, the ACK is not', () => {
    const scene = new Scene('Delta').serve('a');
    scene.model.receive(
      { typeUrl: TYPE.cluster, nonce: 'x', resources: [cluster('n', '1')], removed: [], versionInfo: '' },
      scene.nowMs,
    );
    expect(lines(scene.reconnect())).toEqual([
      'rtds node +runtime has runtime@1',
      // No CDS: the new cluster warms, and while one does, nothing of the type leaves (envoy#36951).
      'eds +a,n has a@1',
      'lds has l@1',
      'rds +r has r@1',
    ]);
    expect(lines(scene.send('endpoint', [assignment('n', '1')]))).toEqual(['cds has a@1,n@1', 'eds ack 6']);
  });

  it('configuration outlives the stream, and time-outs run without one', () => {
    const scene = new Scene('Delta').serve('a');
    scene.send('cluster', [cluster('a', '2')]);
    scene.model.disconnect(scene.nowMs);
    expect(scene.endpoints('a')).toBe(2);
    scene.wait(15_000);
    expect(scene.model.activeClusters.get('a')?.version).toBe('2');
    expect(scene.model.problems()).toEqual([]);
  });
});
