import { describe, expect, it } from 'vitest';
import { extension, lines, listener, route, Scene } from './scene.ts';

describe.each(['Delta', 'Sotw'] as const)('listeners and routes of a %s Envoy', (variant) => {
  const delta = variant === 'Delta';

  it('a listener that names another route asks for it, and lets the old one go when it is live', () => {
    const scene = new Scene(variant).serve('a');
    expect(lines(scene.send('listener', [listener('l', '2', 'q')]))).toEqual([
      delta ? 'rds +q' : 'rds =q,r v5 ack 5',
      delta ? 'lds ack 6' : 'lds v6 ack 6',
    ]);
    expect(scene.model.listeners.get('l')?.version).toBe('1');
    expect(lines(scene.send('route', [route('q', '1', 'a')]))).toEqual(
      delta ? ['rds -r', 'rds ack 7'] : ['rds =q v7 ack 7'],
    );
    expect(scene.model.listeners.get('l')?.version).toBe('2');
    expect([...scene.model.routes.keys()]).toEqual(['q']);
  });

  it('a replaced listener keeps its route until it has drained', () => {
    const scene = new Scene(variant, { drainMs: 600_000 }).serve('a');
    scene.send('listener', [listener('l', '2', 'q')]);
    expect(lines(scene.send('route', [route('q', '1', 'a')]))).toEqual([delta ? 'rds ack 7' : 'rds =q,r v7 ack 7']);
    expect(lines(scene.wait(599_999))).toEqual([]);
    expect(lines(scene.wait(1))).toEqual([delta ? 'rds -r' : 'rds =q v7 ack 7']);
  });

  it('a changed listener with the same route is live at once, without a request', () => {
    const scene = new Scene(variant).serve('a');
    expect(lines(scene.send('listener', [listener('l', '2', 'r')]))).toEqual([delta ? 'lds ack 6' : 'lds v6 ack 6']);
    expect(scene.model.listeners.get('l')?.version).toBe('2');
  });

  it('equal content under a new version changes nothing', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('listener', [{ ...listener('l', '2', 'r'), content: '1' }]);
    expect(scene.model.listeners.get('l')?.version).toBe('1');
  });

  it('going back to what is live drops what was warming', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('listener', [listener('l', '2', 'q')]);
    expect(lines(scene.send('listener', [listener('l', '1', 'r')]))[0]).toBe(delta ? 'rds -q' : 'rds =r v5 ack 5');
    expect(scene.model.warmingListeners.size).toBe(0);
    expect(scene.model.listeners.get('l')?.version).toBe('1');
  });

  it('a warming listener is replaced by a newer one; what both need stays asked for', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('listener', [listener('l', '2', 'q')]);
    expect(lines(scene.send('listener', [listener('l', '3', 'q')]))).toEqual([delta ? 'lds ack 7' : 'lds v7 ack 7']);
    scene.send('route', [route('q', '1', 'a')]);
    expect(scene.model.listeners.get('l')?.version).toBe('3');
  });

  it('without its route a listener goes live after the fetch time-out, and points nowhere', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('listener', [listener('l', '2', 'q')]);
    scene.wait(15_000);
    expect(scene.model.listeners.get('l')?.version).toBe('2');
    expect(scene.model.routes.size).toBe(0);
    expect(scene.model.problems()).toEqual([]);
  });

  it('it waits for its extensions, but not for those that have a default', () => {
    const scene = new Scene(variant).serve('a');
    const said = lines(scene.send('listener', [listener('l', '2', 'r', { extensions: ['x'], slots: ['s'] })]));
    expect(said).toEqual(delta ? ['ecds +x', 'ecds +s', 'lds ack 6'] : ['ecds =x', 'ecds =s,x', 'lds v6 ack 6']);
    scene.send('extension', [extension('s', '1')]);
    expect(scene.model.listeners.get('l')?.version).toBe('1');
    scene.send('extension', [extension('x', '1')]);
    expect(scene.model.listeners.get('l')?.version).toBe('2');
  });

  it('secrets are asked for with the routes, after the listeners are applied', () => {
    const scene = new Scene(variant).serve('a');
    const said = lines(scene.send('listener', [listener('l', '2', 'q', { secrets: ['cert'] })]));
    expect(said).toEqual(
      delta ? ['rds +q', 'sds +cert', 'lds ack 6'] : ['rds =q,r v5 ack 5', 'sds =cert', 'lds v6 ack 6'],
    );
    scene.send('route', [route('q', '1', 'a')]);
    expect(scene.model.listeners.get('l')?.version).toBe('1');
    scene.send('secret', [{ name: 'cert', version: '1', body: { kind: 'secret' } }]);
    expect(scene.model.listeners.get('l')?.version).toBe('2');
  });

  it('two listeners share a route; it is let go with the last', () => {
    const scene = new Scene(variant).serve('a');
    const m = listener('m', '1', 'r');
    scene.send('listener', delta ? [m] : [listener('l', '1', 'r'), m]);
    expect([...scene.model.listeners.keys()]).toEqual(['l', 'm']);
    scene.send('listener', delta ? [] : [m], { removed: delta ? ['l'] : [] });
    expect(scene.model.routes.size).toBe(1);
    const said = lines(scene.send('listener', [], { removed: delta ? ['m'] : [] }));
    expect(said[0]).toBe(delta ? 'rds -r' : 'rds v5 ack 5');
    expect(scene.model.routes.size).toBe(0);
    expect(scene.model.listeners.size).toBe(0);
  });

  it('a route changes in place', () => {
    const scene = new Scene(variant).serve('a', 'b');
    scene.send('route', [route('r', '2', 'b')]);
    expect(scene.model.routes.get('r')).toEqual(['b']);
  });
});
