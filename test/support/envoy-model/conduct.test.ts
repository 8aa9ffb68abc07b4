import { describe, expect, it } from 'vitest';
import { type ModelResource, TYPE } from './index.ts';
import { assignment, cluster, listener, route, runtime, Scene } from './scene.ts';

function refuse(_: string, { version }: ModelResource) {
  return version.startsWith('bad') ? ({ kind: 'Rule', reason: 'no' } as const) : undefined;
}

describe.each(['Delta', 'Sotw'] as const)('what a server must not send to a %s Envoy', (variant) => {
  const delta = variant === 'Delta';

  it('a name twice in one response', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('endpoint', [assignment('a', '2'), assignment('a', '3')]);
    expect(scene.codes()).toEqual(['twice']);
    if (delta) scene.send('endpoint', [assignment('a', '4')], { removed: ['a'] });
    expect(scene.codes()).toEqual(delta ? ['twice', 'twice'] : ['twice']);
  });

  it('a nonce twice in one type and stream', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('endpoint', [assignment('a', '2')], { nonce: 'x' });
    scene.send('route', [route('r', '2', 'a')], { nonce: 'x' });
    expect(scene.codes()).toEqual([]);
    scene.send('endpoint', [assignment('a', '3')], { nonce: 'x' });
    expect(scene.codes()).toEqual(['nonce']);
    scene.reconnect();
    scene.send('endpoint', [assignment('a', '4')], { nonce: 'x' });
    expect(scene.codes()).toEqual(['nonce']);
  });

  it('a version that this client refused, as long as the stream lives', () => {
    const scene = new Scene(variant, { refuse }).serve('a', 'b');
    scene.send('endpoint', [assignment('a', 'bad'), assignment('b', '2')]);
    scene.send('endpoint', [assignment('b', '2')]);
    scene.send('endpoint', [assignment('a', 'bad2')]);
    expect(scene.codes()).toEqual([]);
    scene.send('endpoint', [assignment('a', 'bad')]);
    expect(scene.codes()).toEqual(['repeat after NACK']);
    scene.reconnect();
    scene.send('endpoint', [assignment('a', 'bad')]);
    expect(scene.codes()).toEqual(['repeat after NACK']);
  });

  it('…unless the client asks for it again', () => {
    const scene = new Scene(variant, { refuse }).serve('a', 'b');
    scene.send('route', [route('r', '2', 'b')]);
    scene.send('endpoint', [assignment('a', 'bad')]);
    scene.send('cluster', delta ? [] : [cluster('b', '1')], { removed: delta ? ['a'] : [] });
    scene.send('cluster', [cluster('a', '1'), ...(delta ? [] : [cluster('b', '1')])]);
    scene.send('endpoint', [assignment('a', 'bad')]);
    expect(scene.model.problems()).toEqual([]);
  });

  it('…or could not know, because the NACK was taken after it had sent', () => {
    const scene = new Scene(variant, { refuse }).serve('a');
    const response = (nonce: string) => ({
      typeUrl: TYPE.endpoint,
      nonce,
      resources: [assignment('a', 'bad')],
      removed: [],
      versionInfo: nonce,
    });
    scene.model.receive(response('x'), 10);
    scene.model.receive(response('y'), 20);
    scene.model.take(30);
    scene.model.receive(response('z'), 40, 25);
    expect(scene.model.problems()).toEqual([]);
    scene.model.receive(response('w'), 50, 35);
    expect(scene.codes()).toEqual(['repeat after NACK']);
  });

  it('a refused group whose NACK names nobody: only in smaller groups, and its culprit no more once it stood alone', () => {
    const scene = new Scene(variant, { refuse, refusalStyle: 'Unnamed' }).serve('a', 'b', 'c');
    const [a, b, c] = [assignment('a', 'bad'), assignment('b', '2'), assignment('c', '2')];
    scene.send('endpoint', [a, b, c]);
    scene.send('endpoint', [a, b]);
    scene.send('endpoint', [c]);
    scene.send('endpoint', [b]);
    scene.send('endpoint', [a]);
    expect(scene.codes()).toEqual([]);
    scene.send('endpoint', [a]);
    expect(scene.codes()).toEqual(['repeat after NACK']);
  });

  it('…nor the same group again', () => {
    const scene = new Scene(variant, { refuse, refusalStyle: 'Unnamed' }).serve('a', 'b');
    for (let round = 0; round < 2; round += 1) scene.send('endpoint', [assignment('a', 'bad'), assignment('b', '2')]);
    expect(scene.codes()).toEqual(['repeat after NACK']);
  });

  it('what the client has, without a reason', () => {
    const scene = new Scene(variant).serve('a', 'b');
    scene.send('endpoint', [assignment('a', '1')]);
    scene.send('route', [route('r', '1', 'a', 'b')]);
    scene.send('runtime', [runtime('runtime', '1')]);
    scene.send('cluster', [cluster('a', '1'), cluster('b', '1')]);
    scene.send('listener', [listener('l', '1', 'r')]);
    expect(scene.codes()).toEqual(Array(delta ? 6 : 5).fill('needless'));
  });

  it('…not under a new version either, if the content is the same', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('endpoint', [assignment('a', '2', 2, { content: '1' })]);
    expect(scene.codes()).toEqual(['needless']);
  });

  it('an unchanged assignment is due once after a change of its cluster', () => {
    const scene = new Scene(variant).serve('a', 'b');
    scene.change(cluster('a', '2'), 'b');
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.codes()).toEqual([]);
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.codes()).toEqual(['needless']);
  });

  it('…and as long as the cluster warms, whatever was sent before', () => {
    const scene = new Scene(variant).serve('a');
    scene.change(cluster('a', '2'));
    scene.reconnect();
    scene.model.atRest();
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.model.warmingClusters.size).toBe(0);
    expect(scene.codes()).toEqual([]);
  });

  it('what stood in a refused response is due again, once', () => {
    const scene = new Scene(variant, { refuse }).serve('a', 'b');
    scene.send('endpoint', [assignment('a', '1'), assignment('b', 'bad')]);
    expect(scene.codes()).toEqual(['needless']);
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.codes()).toEqual(['needless']);
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.codes()).toEqual(['needless', 'needless']);
  });

  it('a name that was let go of and asked for again: its answer, and what was under way', () => {
    const scene = new Scene(variant).serve('a', 'b');
    scene.send('route', [route('r', '2', 'b')]);
    scene.send('cluster', delta ? [] : [cluster('b', '1')], { removed: delta ? ['a'] : [] });
    scene.send('cluster', [cluster('a', '1'), ...(delta ? [] : [cluster('b', '1')])]);
    scene.send('endpoint', [assignment('a', '1')]);
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.codes()).toEqual([]);
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.codes()).toEqual(['needless']);
  });

  it('at rest nothing is owed any more', () => {
    const scene = new Scene(variant).serve('a', 'b');
    scene.change(cluster('a', '2'), 'b');
    scene.send('endpoint', [assignment('a', '2', 4)]);
    scene.change(cluster('a', '3'), 'b');
    scene.wait(15_000);
    scene.model.atRest();
    scene.send('endpoint', [assignment('a', '2', 4)]);
    expect(scene.codes()).toEqual(['needless']);
  });
});

describe('after a reconnect', () => {
  it('delta: what the client named with its version is not due, what it named without is', () => {
    const scene = new Scene('Delta').serve('a');
    scene.reconnect();
    scene.send('cluster', [cluster('a', '1')]);
    scene.send('route', [route('r', '1', 'a')]);
    expect(scene.codes()).toEqual(['needless', 'needless']);
    scene.send('endpoint', [assignment('a', '2')]);
    expect(scene.codes()).toEqual(['needless', 'needless']);
  });

  it('SotW: the first response of each type may repeat everything', () => {
    const scene = new Scene('Sotw').serve('a');
    scene.reconnect();
    scene.send('cluster', [cluster('a', '1')]);
    scene.send('endpoint', [assignment('a', '1')]);
    scene.send('listener', [listener('l', '1', 'r')]);
    scene.send('route', [route('r', '1', 'a')]);
    expect(scene.codes()).toEqual([]);
    scene.send('cluster', [cluster('a', '1')]);
    scene.send('endpoint', [assignment('a', '1')]);
    expect(scene.codes()).toEqual(['needless', 'needless']);
  });
});
