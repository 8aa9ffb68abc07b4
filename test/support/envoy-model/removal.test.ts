import { describe, expect, it } from 'vitest';
import { TYPE } from './index.ts';
import { assignment, cluster, extension, lines, listener, route, runtime, Scene } from './scene.ts';

describe('removals of a Delta Envoy', () => {
  it('of a cluster: gone, its assignment let go of and forgotten', () => {
    const scene = new Scene('Delta').serve('a', 'b');
    scene.send('route', [route('r', '2', 'b')]);
    expect(lines(scene.send('cluster', [], { removed: ['a', 'unknown'] }))).toEqual(['eds -a', 'cds ack 7']);
    expect([...scene.model.activeClusters.keys()]).toEqual(['b']);
    expect([...scene.model.heldVersions(TYPE.cluster).keys()]).toEqual(['b']);
    expect([...scene.model.heldVersions(TYPE.endpoint).keys()]).toEqual(['b']);
    expect(scene.model.problems()).toEqual([]);
  });

  it('of an assignment: nothing to a live cluster, but its version is forgotten', () => {
    const scene = new Scene('Delta').serve('a');
    scene.send('endpoint', [], { removed: ['a'] });
    expect(scene.endpoints('a')).toBe(2);
    expect(scene.model.heldVersions(TYPE.endpoint).size).toBe(0);
    expect(scene.reconnect().map(({ subscribe, initialVersions }) => [subscribe, initialVersions])).toContainEqual([
      ['a'],
      {},
    ]);
  });

  it('of an assignment that a cluster waits for: it goes live without', () => {
    const scene = new Scene('Delta').serve('a');
    scene.send('cluster', [cluster('a', '2')]);
    scene.send('endpoint', [], { removed: ['a'] });
    expect(scene.model.activeClusters.get('a')).toMatchObject({ version: '2', endpoints: 0, unfilled: 'Removed' });
    expect(scene.codes()).toEqual(['UH']);
  });

  it('of an assignment that never existed, for a new cluster: an answer, and no fault', () => {
    const scene = new Scene('Delta').serve('a');
    scene.send('cluster', [cluster('n', '1')]);
    expect(lines(scene.send('endpoint', [], { removed: ['n'] }))).toEqual(['cds ack 6', 'eds ack 7']);
    expect(scene.endpoints('n')).toBe(0);
    scene.send('route', [route('r', '2', 'a', 'n')]);
    expect(scene.model.problems()).toEqual([]);
  });

  it('of a route: ignored, and whoever waits for it waits for ever, because the time-out has stopped', () => {
    const scene = new Scene('Delta').serve('a');
    scene.send('route', [], { removed: ['r'] });
    expect(scene.model.routes.get('r')).toEqual(['a']);
    scene.send('listener', [listener('m', '1', 'q')]);
    scene.send('route', [], { removed: ['q'] });
    scene.wait(3_600_000);
    expect([...scene.model.warmingListeners.keys()]).toEqual(['m']);
    scene.send('route', [route('q', '1', 'a')]);
    expect(scene.model.listeners.has('m')).toBe(true);
  });

  it('of an extension: gone; a listener that waits goes on waiting', () => {
    const scene = new Scene('Delta').serve('a');
    scene.send('listener', [listener('l', '2', 'r', { slots: ['s'], extensions: ['x'] })]);
    scene.send('extension', [extension('s', '1')]);
    scene.send('extension', [], { removed: ['s', 'x'] });
    scene.wait(3_600_000);
    expect(scene.model.bodies(TYPE.extension).size).toBe(0);
    expect([...scene.model.warmingListeners.keys()]).toEqual(['l']);
  });

  it('of a runtime layer: empty, and an answer to the start', () => {
    const scene = new Scene('Delta');
    scene.connect();
    expect(lines(scene.send('runtime', [], { removed: ['runtime'] }))).toEqual(['cds', 'rtds ack 1']);
    scene.send('runtime', [runtime('runtime', '1')]);
    expect(scene.model.bodies(TYPE.runtime).size).toBe(1);
    scene.send('runtime', [], { removed: ['runtime'] });
    expect(scene.model.bodies(TYPE.runtime).size).toBe(0);
  });

  it('of a listener: its route is let go of', () => {
    const scene = new Scene('Delta').serve('a');
    expect(lines(scene.send('listener', [], { removed: ['l'] }))).toEqual(['rds -r', 'lds ack 6']);
    expect(scene.model.listeners.size).toBe(0);
  });
});

describe('absence in a Sotw Envoy', () => {
  it('of a cluster or a listener is its removal', () => {
    const scene = new Scene('Sotw').serve('a', 'b');
    scene.send('route', [route('r', '2', 'b')]);
    expect(lines(scene.send('cluster', [cluster('b', '1')]))).toEqual(['eds =b v3 ack 3', 'cds v7 ack 7']);
    expect([...scene.model.activeClusters.keys()]).toEqual(['b']);
    scene.send('listener', []);
    expect(scene.model.listeners.size).toBe(0);
    scene.send('cluster', []);
    expect(scene.model.activeClusters.size).toBe(0);
  });

  it('of a warming cluster too', () => {
    const scene = new Scene('Sotw').serve('a');
    scene.send('cluster', [cluster('a', '1'), cluster('n', '1')]);
    scene.send('cluster', [cluster('a', '1')]);
    expect(scene.model.warmingClusters.size).toBe(0);
  });

  it('of an assignment means nothing, to live and to warming clusters', () => {
    const scene = new Scene('Sotw').serve('a', 'b');
    scene.send('endpoint', [assignment('b', '2', 3)]);
    expect([scene.endpoints('a'), scene.endpoints('b')]).toEqual([2, 3]);
    scene.send('cluster', [cluster('a', '2'), cluster('b', '1')]);
    scene.send('endpoint', []);
    expect([...scene.model.warmingClusters.keys()]).toEqual(['a']);
  });

  it('of a route means nothing: the listener waits until its time-out', () => {
    const scene = new Scene('Sotw').serve('a');
    scene.send('listener', [listener('l', '1', 'r'), listener('m', '1', 'q')]);
    scene.send('route', []);
    expect(scene.model.routes.size).toBe(1);
    scene.wait(15_000);
    expect(scene.model.listeners.has('m')).toBe(true);
  });

  it('the bad version of a cluster counts as present: the old one stays', () => {
    const scene = new Scene('Sotw', {
      refuse: (_, { version }) => (version === '2' ? { kind: 'Semantic', reason: 'no' } : undefined),
    }).serve('a');
    scene.send('cluster', [cluster('a', '2')]);
    expect(scene.model.activeClusters.get('a')?.version).toBe('1');
  });
});
