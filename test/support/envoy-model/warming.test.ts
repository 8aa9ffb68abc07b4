import { describe, expect, it } from 'vitest';
import { TYPE } from './index.ts';
import { assignment, cluster, lines, route, Scene, staticCluster } from './scene.ts';

describe.each(['Delta', 'Sotw'] as const)('warming of clusters in a %s Envoy', (variant) => {
  const delta = variant === 'Delta';
  const removedOnly = delta ? { removed: ['a'] } : {};

  it('a changed cluster waits for an assignment, even an identical one, and the old version serves meanwhile', () => {
    const scene = new Scene(variant).serve('a', 'b');
    scene.change(cluster('a', '2'), 'b');
    expect(scene.model.warmingClusters.get('a')?.version).toBe('2');
    expect(scene.model.activeClusters.get('a')).toMatchObject({ version: '1', endpoints: 2 });
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.model.activeClusters.get('a')).toMatchObject({ version: '2', endpoints: 2 });
    expect(scene.model.warmingClusters.size).toBe(0);
    expect(scene.model.problems()).toEqual([]);
  });

  it('an assignment that comes meanwhile reaches the old version too', () => {
    const scene = new Scene(variant).serve('a');
    scene.change(cluster('a', '2', 'ea'));
    scene.send('endpoint', [assignment('a', '2', 5)]);
    expect(scene.model.activeClusters.get('a')).toMatchObject({ version: '1', endpoints: 5 });
    scene.send('endpoint', [assignment('ea', '1', 3)]);
    expect(scene.model.activeClusters.get('a')).toMatchObject({ version: '2', endpoints: 3 });
  });

  it('equal content under a new version changes nothing', () => {
    const scene = new Scene(variant).serve('a');
    const [request, ...others] = scene.change(cluster('a', '2', 'a', { content: '1' }));
    expect(request?.nonce).toBe('6');
    expect(others).toEqual([]);
    expect(scene.model.warmingClusters.size).toBe(0);
    expect(scene.model.activeClusters.get('a')?.version).toBe('1');
  });

  it('back to the active version while another one warms is a change', () => {
    const scene = new Scene(variant).serve('a');
    scene.change(cluster('a', '2'));
    scene.change(cluster('a', '1'));
    expect(scene.model.warmingClusters.get('a')?.version).toBe('1');
    scene.change(cluster('a', '1'));
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.model.warmingClusters.size).toBe(0);
  });

  it('the time-out takes the cached assignment', () => {
    const scene = new Scene(variant).serve('a');
    scene.change(cluster('a', '2'));
    scene.wait(14_999);
    expect(scene.model.warmingClusters.size).toBe(1);
    scene.wait(1);
    expect(scene.model.activeClusters.get('a')).toMatchObject({ version: '2', endpoints: 2 });
    expect(scene.model.problems()).toEqual([]);
  });

  it('the time-out of a cluster that never had an assignment leaves it live and empty', () => {
    const scene = new Scene(variant, { fetchTimeoutMs: 2000 }).serve('a');
    scene.change(cluster('n', '1'), 'a');
    scene.wait(2000);
    expect(scene.model.activeClusters.get('n')).toMatchObject({ endpoints: 0, unfilled: 'TimedOut' });
    expect(scene.model.problems()).toEqual([]);
    scene.send('route', [route('r', '2', 'a', 'n')]);
    expect(scene.codes()).toEqual(['UH']);
    scene.send('endpoint', [assignment('n', '1')]);
    expect(scene.model.activeClusters.get('n')?.unfilled).toBeUndefined();
  });

  it('fetch time-out 0 waits for ever', () => {
    const scene = new Scene(variant, { fetchTimeoutMs: { endpoint: 0 } }).serve('a');
    scene.change(cluster('a', '2'));
    scene.wait(1_000_000_000);
    expect(scene.model.warmingClusters.size).toBe(1);
  });

  it('the cache ends with the subscription', () => {
    const scene = new Scene(variant).serve();
    scene.send('cluster', [cluster('a', '1')]);
    scene.send('endpoint', [assignment('a', '1')]);
    scene.send('cluster', [], removedOnly);
    expect(scene.model.activeClusters.size).toBe(0);
    scene.send('cluster', [cluster('a', '1')]);
    scene.wait(15_000);
    expect(scene.endpoints('a')).toBe(0);
  });

  it('no CDS request leaves while a cluster warms: the ACK says that all are warm', () => {
    const scene = new Scene(variant).serve('a', 'b');
    expect(lines(scene.change(cluster('a', '2'), 'b'))).toEqual(delta ? [] : ['eds =a,b v3 ack 3']);
    expect(lines(scene.send('endpoint', [assignment('b', '2')]))).toEqual([delta ? 'eds ack 7' : 'eds =a,b v7 ack 7']);
    expect(lines(scene.send('endpoint', [assignment('a', '1')]))).toEqual([
      delta ? 'cds ack 6' : 'cds v6 ack 6',
      delta ? 'eds ack 8' : 'eds =a,b v8 ack 8',
    ]);
  });

  it('during the start the ACK does not wait', () => {
    const scene = new Scene(variant, { runtimeLayers: [] });
    scene.connect();
    expect(lines(scene.send('cluster', [cluster('a', '1')])).at(-1)).toBe(delta ? 'cds ack 1' : 'cds v1 ack 1');
  });

  it('a held ACK leaves when the warming cluster is removed', () => {
    const scene = new Scene(variant).serve('a');
    scene.change(cluster('n', '1'), 'a');
    const sent = lines(scene.send('cluster', delta ? [] : [cluster('a', '1')], { removed: delta ? ['n'] : [] }));
    // SotW says only the last of what it held back.
    expect(sent).toEqual(delta ? ['cds ack 6', 'eds -n', 'cds ack 7'] : ['eds =a v3 ack 3', 'cds v7 ack 7']);
  });

  it('two clusters may share an assignment: it is asked for once and let go with the last', () => {
    const scene = new Scene(variant).serve();
    scene.send('cluster', [cluster('a', '1', 'shared'), cluster('b', '1', 'shared')]);
    scene.send('endpoint', [assignment('shared', '1', 4)]);
    expect([scene.endpoints('a'), scene.endpoints('b')]).toEqual([4, 4]);
    // A third one warms although the client has the assignment: nothing is asked for, so it waits for the cache.
    const third = cluster('c', '1', 'shared');
    scene.send('cluster', delta ? [third] : [cluster('a', '1', 'shared'), cluster('b', '1', 'shared'), third]);
    expect([...scene.model.warmingClusters.keys()]).toEqual(['c']);
    scene.wait(15_000);
    expect(scene.endpoints('c')).toBe(4);
    scene.send('cluster', delta ? [] : [cluster('b', '1', 'shared')], { removed: delta ? ['a', 'c'] : [] });
    expect(scene.model.heldVersions(TYPE.endpoint).size).toBe(1);
    scene.send('cluster', [], { removed: delta ? ['b'] : [] });
    expect(scene.model.heldVersions(TYPE.endpoint).size).toBe(0);
  });

  it('a cluster with its endpoints in itself never waits', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('cluster', [staticCluster('s', '1'), ...(delta ? [] : [cluster('a', '1')])]);
    expect(scene.model.activeClusters.get('s')).toMatchObject({ endpoints: undefined });
    scene.change(staticCluster('a', '2'), 's');
    expect(scene.model.activeClusters.get('a')).toMatchObject({ version: '2', endpoints: undefined });
  });
});
