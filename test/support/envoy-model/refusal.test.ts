import { describe, expect, it } from 'vitest';
import { type ModelResource, TYPE } from './index.ts';
import type { Refusal } from './refusal.ts';
import { assignment, cluster, lines, listener, route, runtime, Scene } from './scene.ts';

/** Refuses the versions called `rule` and `semantic`. */
function refuse(_: string, { version }: ModelResource): Refusal | undefined {
  if (version.startsWith('rule')) return { kind: 'Rule', reason: 'value must be greater than 0' };
  return version.startsWith('semantic') ? { kind: 'Semantic', reason: 'no such thing' } : undefined;
}

describe.each(['Delta', 'Sotw'] as const)('refusals of a %s Envoy', (variant) => {
  const delta = variant === 'Delta';
  const scene = (more = {}) => new Scene(variant, { refuse, ...more }).serve('a', 'b');
  const message = (requests: readonly { errorMessage?: string }[]) => requests.at(-1)?.errorMessage;

  it('a rule violation refuses the whole response: of the good ones nothing is applied', () => {
    const clusters = scene();
    const said = clusters.send('cluster', [cluster('n', '1'), cluster('a', 'rule'), cluster('b', '2')]);
    expect(lines(said)).toEqual([delta ? 'cds nack 6' : 'cds v2 nack 6']);
    expect(clusters.model.warmingClusters.size).toBe(0);

    const assignments = scene();
    assignments.send('endpoint', [assignment('a', '2', 5), assignment('b', 'rule', 5)]);
    expect([assignments.endpoints('a'), assignments.endpoints('b')]).toEqual([2, 2]);
    expect(assignments.model.heldVersions(TYPE.endpoint).get('a')).toBe('1');
  });

  it('clusters and listeners that are good are applied beside bad ones, and the text lists the bad', () => {
    const one = scene();
    one.change(cluster('b', '1'), 'a');
    const said = one.send('cluster', [
      cluster('s', 'semantic'),
      cluster('t', 'semantic'),
      cluster('b', '1'),
      {
        ...cluster('a', '2'),
        body: { kind: 'cluster' },
      },
    ]);
    expect(message(said)).toBe('Error adding/updating cluster(s) s: no such thing, t: no such thing');
    expect(one.model.activeClusters.get('a')?.version).toBe('2');
    // Applied, but not acknowledged: the client would not name it on the next stream.
    expect(one.model.heldVersions(TYPE.cluster).get('a')).toBe('1');

    const two = scene();
    expect(message(two.send('listener', [listener('l', 'semantic', 'r'), listener('m', '1', 'r')]))).toBe(
      'Error adding/updating listener(s) l: no such thing\n',
    );
    expect([...two.model.listeners.values()].map(({ name, version }) => `${name}@${version}`)).toEqual(['l@1', 'm@1']);
  });

  it('of assignments those before the bad one are applied, those after it are not, whatever the order is', () => {
    const resources = [assignment('a', '2', 5), assignment('b', 'semantic', 5), assignment('c', '2', 5)];
    const inOrder = new Scene(variant, { refuse }).serve('a', 'b', 'c');
    expect(message(inOrder.send('endpoint', resources))).toBe('b: no such thing');
    expect(['a', 'b', 'c'].map((name) => inOrder.endpoints(name))).toEqual([5, 2, 2]);
    expect(inOrder.model.heldVersions(TYPE.endpoint).get('a')).toBe('1');

    const backwards = new Scene(variant, { refuse, order: (names) => [...names].reverse() }).serve('a', 'b', 'c');
    backwards.send('endpoint', resources);
    expect(['a', 'b', 'c'].map((name) => backwards.endpoints(name))).toEqual([2, 2, 5]);
  });

  it('the text of a rule violation names the resource, or, in the other style, nothing does', () => {
    const bad = [assignment('a', 'rule'), assignment('b', '2')];
    expect(message(scene().send('endpoint', bad))).toBe(
      'goo.gle/debugproto  cluster_name: "a" : Proto constraint validation failed (value must be greater than 0)',
    );
    expect(message(scene({ refusalStyle: 'Unnamed' }).send('endpoint', bad))).toBe(
      'Proto constraint validation failed (value must be greater than 0)',
    );
    expect(
      message(scene({ refusalStyle: 'Unnamed' }).send('cluster', [cluster('a', 'semantic'), cluster('b', '1')])),
    ).toBe('Error adding/updating cluster(s) no such thing');
  });

  it('a refused response of assignments ends the waiting of every cluster: it goes live without', () => {
    const one = scene();
    one.change(cluster('a', '2'), 'b');
    one.send('endpoint', [assignment('b', 'rule')]);
    expect(one.model.activeClusters.get('a')).toMatchObject({ version: '2', endpoints: 0, unfilled: 'Refused' });
    expect(one.codes()).toEqual(['UH by refusal']);
    one.send('endpoint', [assignment('a', '1')]);
    expect(one.endpoints('a')).toBe(2);
    expect(one.codes()).toEqual(['UH by refusal']);
  });

  it('a refused response of routes ends the waiting of every listener', () => {
    const one = scene();
    one.send('listener', [listener('m', '1', 'q'), ...(delta ? [] : [listener('l', '1', 'r')])]);
    one.send('route', [route('r', 'semantic', 'a')]);
    expect([...one.model.listeners.keys()]).toEqual(['l', 'm']);
    expect(one.model.routes.get('r')).toEqual(['a', 'b']);
    expect(one.model.routes.get('q')).toBeUndefined();
  });

  it('a refused runtime layer stays as it was', () => {
    const one = scene();
    const said = one.send('runtime', [runtime('runtime', 'semantic')]);
    expect(lines(said)).toEqual([delta ? 'rtds nack 6' : 'rtds =runtime v1 nack 6']);
    expect(one.model.heldVersions(TYPE.runtime)).toEqual(new Map([['runtime', '1']]));
  });

  it('after a NACK the next response is answered for itself', () => {
    const one = scene();
    one.send('endpoint', [assignment('a', 'rule')]);
    expect(lines(one.send('endpoint', [assignment('a', '3')]))).toEqual([delta ? 'eds ack 7' : 'eds =a,b v7 ack 7']);
    expect(one.model.heldVersions(TYPE.endpoint).get('a')).toBe('3');
  });
});

describe('where the variants differ', () => {
  it('delta: a bad resource that nobody asked for is not looked at; SotW decodes everything', () => {
    for (const variant of ['Delta', 'Sotw'] as const) {
      const scene = new Scene(variant, { refuse }).serve('a');
      const said = scene.send('endpoint', [assignment('stranger', 'rule'), assignment('a', '2', 7)]);
      expect(said[0]?.errorMessage === undefined).toBe(variant === 'Delta');
      expect(scene.endpoints('a')).toBe(variant === 'Delta' ? 7 : 2);
    }
  });

  it('delta refuses a repeated name; SotW applies the first and, of clusters, refuses the second', () => {
    const delta = new Scene('Delta').serve('a');
    expect(delta.send('endpoint', [assignment('a', '2', 5), assignment('a', '3', 6)])[0]?.errorMessage).toBe(
      'duplicate name a found among added/updated resources',
    );
    expect(delta.send('endpoint', [assignment('a', '2', 5)], { removed: ['a'] })[0]?.errorMessage).toBe(
      'duplicate name a found in the union of added+removed resources',
    );
    expect(delta.endpoints('a')).toBe(2);

    const sotw = new Scene('Sotw').serve('a');
    expect(sotw.send('endpoint', [assignment('a', '2', 5), assignment('a', '3', 6)])[0]?.errorMessage).toBeUndefined();
    expect(sotw.endpoints('a')).toBe(5);
    const body = { kind: 'cluster' };
    sotw.send('cluster', [
      { ...cluster('a', '2'), body },
      { ...cluster('a', '3'), body },
    ]);
    expect(sotw.model.activeClusters.get('a')?.version).toBe('2');
  });

  it('SotW: a NACK that was held back leaves with the nonce of the next response, although that one was accepted', () => {
    const scene = new Scene('Sotw', { refuse }).serve('a', 'b');
    scene.change(cluster('a', '2'), 'b');
    expect(scene.send('cluster', [cluster('a', '2'), cluster('b', 'semantic')])).toEqual([]);
    scene.send('cluster', [cluster('a', '2'), cluster('b', '3')]);
    const [held] = scene.send('endpoint', [assignment('a', '1'), assignment('b', '1')]);
    expect(held).toMatchObject({ nonce: '8', versionInfo: 'v8' });
    expect(held?.errorMessage).toContain('b: no such thing');
    expect(scene.model.activeClusters.get('b')?.version).toBe('3');
  });

  it('delta: every held answer leaves, in the order of the responses', () => {
    const scene = new Scene('Delta', { refuse }).serve('a', 'b');
    scene.send('cluster', [cluster('a', '2')]);
    scene.send('cluster', [cluster('b', 'semantic')]);
    scene.send('cluster', [{ ...cluster('b', '3'), body: { kind: 'cluster' } }]);
    expect(lines(scene.send('endpoint', [assignment('a', '1')]))).toEqual([
      'cds ack 6',
      'cds nack 7',
      'cds ack 8',
      'eds ack 9',
    ]);
  });
});
