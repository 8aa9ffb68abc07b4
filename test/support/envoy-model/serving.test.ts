import { describe, expect, it } from 'vitest';
import { assignment, cluster, listener, route, Scene } from './scene.ts';

describe.each(['Delta', 'Sotw'] as const)('what requests meet in a %s Envoy', (variant) => {
  const delta = variant === 'Delta';

  it('NC: a route that comes before its cluster', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('route', [route('r', '2', 'a', 'n')]);
    expect(scene.model.problems()).toEqual(['NC: listener l, route r: no cluster n (at 0 ms)']);
  });

  it('NC: a route to a cluster that still warms', () => {
    const scene = new Scene(variant).serve('a');
    scene.change(cluster('n', '1'), 'a');
    scene.send('route', [route('r', '2', 'a', 'n')]);
    expect(scene.codes()).toEqual(['NC']);
  });

  it('NC: a cluster that goes before its route', () => {
    const scene = new Scene(variant).serve('a', 'b');
    scene.send('cluster', delta ? [] : [cluster('b', '1')], { removed: delta ? ['a'] : [] });
    expect(scene.codes()).toEqual(['NC']);
  });

  it('a fault counts once as long as it lasts, and again when it comes back', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('route', [route('r', '2', 'a', 'n')]);
    scene.wait(1000);
    scene.send('endpoint', [assignment('a', '2')]);
    expect(scene.codes()).toEqual(['NC']);
    scene.send('route', [route('r', '3', 'a')]);
    scene.send('route', [route('r', '4', 'n')]);
    expect(scene.codes()).toEqual(['NC', 'NC']);
  });

  it('a fault that lasts only between two responses is seen', () => {
    const scene = new Scene(variant).serve('a');
    scene.wait(500);
    scene.send('cluster', [], { removed: delta ? ['a'] : [] });
    scene.send('route', [route('r', '2')]);
    expect(scene.model.problems()).toEqual(['NC: listener l, route r: no cluster a (at 500 ms)']);
  });

  it('routes of a listener that is not live do not matter', () => {
    const scene = new Scene(variant).serve('a');
    const m = listener('m', '1', 'q', { extensions: ['x'] });
    scene.send('listener', [m, ...(delta ? [] : [listener('l', '1', 'r')])]);
    scene.send('route', [route('q', '1', 'nowhere')]);
    expect(scene.model.problems()).toEqual([]);
    scene.wait(15_000);
    expect(scene.model.problems()).toEqual(['NC: listener m, route q: no cluster nowhere (at 15000 ms)']);
  });

  it('nothing is wrong before the first listener is live', () => {
    const scene = new Scene(variant);
    scene.connect();
    scene.send('runtime', [{ name: 'runtime', version: '1', body: { kind: 'runtime' } }]);
    scene.send('cluster', []);
    scene.send('listener', [listener('l', '1', 'r', { extensions: ['x'] })]);
    scene.send('route', [route('r', '1', 'nowhere')]);
    expect(scene.model.problems()).toEqual([]);
  });

  it('no UH: an assignment that says "no endpoints" is what the server wants', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('endpoint', [assignment('a', '2', 0)]);
    scene.change(cluster('a', '2'));
    scene.send('endpoint', [assignment('a', '2', 0)]);
    expect(scene.endpoints('a')).toBe(0);
    expect(scene.model.problems()).toEqual([]);
  });

  it('UH: a cluster that was never filled and went live by time-out', () => {
    const scene = new Scene(variant).serve('a');
    scene.change(cluster('n', '1'), 'a');
    scene.wait(15_000);
    scene.send('route', [route('r', '2', 'n')]);
    expect(scene.model.problems()).toEqual([
      'UH: listener l, route r: cluster n is live without endpoints (TimedOut) (at 15000 ms)',
    ]);
  });

  it('UH by refusal: the client refused a response while the cluster warmed; the next assignment heals it', () => {
    const scene = new Scene(variant, {
      refuse: (_, { version }) => (version === 'bad' ? { kind: 'Rule', reason: 'no' } : undefined),
    }).serve('a', 'b');
    scene.change(cluster('a', '2'), 'b');
    scene.send('endpoint', [assignment('a', '1'), assignment('b', 'bad')]);
    expect(scene.codes()).toEqual(['UH by refusal']);
    scene.send('endpoint', [assignment('a', '1')]);
    scene.change(cluster('a', '3'), 'b');
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.codes()).toEqual(['UH by refusal']);
  });
});
