import { describe, expect, it } from 'vitest';
import { assignment, cluster, extension, lines, listener, route, runtime, Scene, staticCluster } from './scene.ts';

describe.each(['Delta', 'Sotw'] as const)('start of a %s Envoy', (variant) => {
  const delta = variant === 'Delta';

  it('asks for runtime, clusters, assignments, listeners and routes, each when the one before is there', () => {
    const scene = new Scene(variant);
    expect(lines(scene.connect())).toEqual([delta ? 'rtds node +runtime' : 'rtds node =runtime']);
    expect(lines(scene.send('runtime', [runtime('runtime', '1')]))).toEqual([
      'cds',
      delta ? 'rtds ack 1' : 'rtds =runtime v1 ack 1',
    ]);
    expect(lines(scene.send('cluster', [cluster('a', '1'), cluster('b', '1', 'eb')]))).toEqual([
      delta ? 'eds +a,eb' : 'eds =a,eb',
      delta ? 'cds ack 2' : 'cds v2 ack 2',
    ]);
    expect([...scene.model.warmingClusters.keys()]).toEqual(['a', 'b']);
    expect(lines(scene.send('endpoint', [assignment('a', '1')]))).toEqual([delta ? 'eds ack 3' : 'eds =a,eb v3 ack 3']);
    expect(lines(scene.send('endpoint', [assignment('eb', '1', 3)]))).toEqual([
      'lds',
      delta ? 'eds ack 4' : 'eds =a,eb v4 ack 4',
    ]);
    expect(scene.endpoints('b')).toBe(3);
    expect(lines(scene.send('listener', [listener('l', '1', 'r')]))).toEqual([
      delta ? 'rds +r' : 'rds =r',
      delta ? 'lds ack 5' : 'lds v5 ack 5',
    ]);
    expect(scene.model.isServing).toBe(false);
    expect(lines(scene.send('route', [route('r', '1', 'a', 'b')]))).toEqual([delta ? 'rds ack 6' : 'rds =r v6 ack 6']);
    expect(scene.model.isServing).toBe(true);
    expect([...scene.model.listeners.keys()]).toEqual(['l']);
    expect([...scene.model.routes]).toEqual([['r', ['a', 'b']]]);
    expect(scene.model.problems()).toEqual([]);
  });

  it('a server without clusters and listeners is enough', () => {
    const scene = new Scene(variant);
    scene.connect();
    scene.send('runtime', [runtime('runtime', '1')]);
    expect(lines(scene.send('cluster', []))[0]).toBe('lds');
    scene.send('listener', []);
    expect(scene.model.isServing).toBe(true);
    expect(scene.model.problems()).toEqual([]);
  });

  it('without an answer each step ends with its time-out: runtime, clusters, assignments, listeners', () => {
    const scene = new Scene(variant, { fetchTimeoutMs: { runtime: 1000, cluster: 2000, endpoint: 3000 } });
    scene.connect();
    expect(lines(scene.wait(999))).toEqual([]);
    expect(lines(scene.wait(1))).toEqual(['cds']);
    expect(lines(scene.wait(1999))).toEqual([]);
    scene.wait(1);
    // The clusters come late; listeners are asked for all the same, because the first answer is given up.
    scene.send('cluster', [cluster('a', '1')]);
    expect(scene.model.warmingClusters.size).toBe(1);
    scene.wait(3000);
    expect(scene.endpoints('a')).toBe(0);
    expect(scene.model.isServing).toBe(false);
    scene.wait(12_000);
    expect(scene.model.isServing).toBe(true);
  });

  it('listeners go live together: the first start waits for the slowest', () => {
    const scene = new Scene(variant);
    scene.connect();
    scene.send('runtime', [runtime('runtime', '1')]);
    scene.send('cluster', [staticCluster('s', '1')]);
    scene.send('listener', [listener('l', '1', 'r'), listener('m', '1', 'q', { extensions: ['x'] })]);
    scene.send('route', [route('r', '1', 's'), route('q', '1', 's')]);
    expect(scene.model.listeners.size).toBe(0);
    scene.send('extension', [extension('x', '1')]);
    expect([...scene.model.listeners.keys()]).toEqual(['l', 'm']);
  });

  it('a listener that is removed is waited for no longer', () => {
    const scene = new Scene(variant);
    scene.connect();
    scene.send('runtime', [runtime('runtime', '1')]);
    scene.send('cluster', []);
    scene.send('listener', [listener('l', '1', 'r'), listener('m', '1', 'q')]);
    scene.send('route', [route('r', '1')]);
    expect(scene.model.isServing).toBe(false);
    scene.send('listener', delta ? [] : [listener('l', '1', 'r')], { removed: ['m'] });
    expect([...scene.model.listeners.keys()]).toEqual(['l']);
  });

  it('a static cluster takes its assignment before the first CDS request, and CDS cannot touch it', () => {
    const scene = new Scene(variant, { staticClusters: [{ name: 'sidecars', eds: 'members' }] });
    scene.connect();
    expect(lines(scene.send('runtime', [runtime('runtime', '1')]))[0]).toBe(delta ? 'eds +members' : 'eds =members');
    expect(lines(scene.send('endpoint', [assignment('members', '1')]))[0]).toBe('cds');
    scene.send('cluster', [cluster('sidecars', '2', 'other')]);
    scene.send('cluster', [], { removed: ['sidecars'] });
    expect(scene.model.activeClusters.get('sidecars')?.eds).toBe('members');
  });

  it('first answers that are refused do not stop the start', () => {
    const scene = new Scene(variant, { refuse: () => ({ kind: 'Rule', reason: 'no' }) });
    scene.connect();
    expect(lines(scene.send('runtime', [runtime('runtime', '1')]))[0]).toBe('cds');
    expect(lines(scene.send('cluster', [cluster('a', '1')]))[0]).toBe('lds');
    scene.send('listener', [listener('l', '1', 'r')]);
    expect(scene.model.isServing).toBe(true);
    expect(scene.model.listeners.size).toBe(0);
  });

  it('each runtime layer is asked for in a request of its own, because the stream is there before them', () => {
    const scene = new Scene(variant, { runtimeLayers: ['lasting', 'lapsing'] });
    expect(lines(scene.connect())).toEqual(
      delta ? ['rtds node +lasting', 'rtds +lapsing'] : ['rtds node =lasting', 'rtds =lapsing,lasting'],
    );
    // After a process that began without a server it is one.
    const late = new Scene(variant, { runtimeLayers: ['lasting', 'lapsing'] });
    late.wait(10);
    expect(lines(late.connect())).toEqual([delta ? 'rtds node +lapsing,lasting' : 'rtds node =lapsing,lasting']);
  });
});

describe('the test itself', () => {
  it('may not turn back time, open two streams, or receive without one', () => {
    const { model } = new Scene('Delta');
    const response = { typeUrl: 't', nonce: '1', resources: [], removed: [], versionInfo: '' };
    expect(() => model.receive(response, 0)).toThrow('there is no stream');
    model.connect(10);
    expect(() => model.connect(10)).toThrow('there is a stream already');
    expect(() => model.advance(9)).toThrow('time goes back');
  });

  it('may not describe one kind of resource as another', () => {
    const scene = new Scene('Delta', { runtimeLayers: [] });
    scene.connect();
    expect(() => scene.send('cluster', [assignment('a', '1')])).toThrow('describe() gave something else');
  });

  it('may bring its own resources and say how to read them', () => {
    const scene = new Scene('Delta', {
      runtimeLayers: [],
      describe: ({ body }) => ({ kind: 'cluster', eds: (body as { needs: string }).needs }),
    });
    scene.connect();
    scene.send('cluster', [{ name: 'a', version: '1', body: { needs: 'ea' } }]);
    expect(scene.model.warmingClusters.get('a')?.eds).toBe('ea');
  });
});
