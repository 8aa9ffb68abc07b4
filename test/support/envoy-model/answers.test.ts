import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ModelRequest, type ModelResource, TYPE } from './index.ts';
import { assignment, cluster, extension, listener, route, runtime, Scene } from './scene.ts';

type Said = {
  readonly type: keyof typeof TYPE;
  readonly resources: readonly ModelResource[];
  readonly removed: string[];
};

const version = fc.constantFrom('1', '2', 'bad');
const names = ['a', 'b', 'c'];
const name = fc.constantFrom(...names);
const make: Partial<Record<keyof typeof TYPE, fc.Arbitrary<ModelResource>>> = {
  cluster: fc.tuple(name, version, name).map((parts) => cluster(...parts)),
  endpoint: fc.tuple(name, version, fc.nat(3)).map((parts) => assignment(...parts)),
  listener: fc
    .tuple(name, version, name, fc.subarray(names))
    .map(([one, at, to, slots]) => listener(one, at, to, { slots })),
  route: fc.tuple(name, version, fc.subarray(names)).map(([one, at, to]) => route(one, at, ...to)),
  extension: fc.tuple(name, version).map((parts) => extension(...parts)),
  runtime: version.map((at) => runtime('runtime', at)),
};

/** Anything that a server could say, sense or nonsense. */
const said: fc.Arbitrary<Said> = fc.constantFrom(...(Object.keys(make) as (keyof typeof TYPE)[])).chain((type) =>
  fc.record({
    type: fc.constant(type),
    resources: fc.array(make[type] as fc.Arbitrary<ModelResource>, { maxLength: 3 }),
    removed: fc.subarray(names, { maxLength: 1 }),
  }),
);

function refuse(_: string, resource: ModelResource) {
  return resource.version === 'bad' ? ({ kind: 'Semantic', reason: 'no' } as const) : undefined;
}

/** Everything that the client says to these responses, and then to a time in which nothing warms any more. */
function hear(scene: Scene, all: readonly Said[]): readonly ModelRequest[] {
  scene.serve('a');
  const requests = all.flatMap(({ type, resources, removed }) =>
    scene.send(type, resources, scene.variant === 'Delta' ? { removed } : {}),
  );
  return [...requests, ...scene.wait(60_000)];
}

function noncesOf(requests: readonly ModelRequest[], typeUrl: string): readonly string[] {
  return requests.filter((one) => one.typeUrl === typeUrl && one.nonce !== '').map(({ nonce }) => nonce);
}

describe('answers to whatever the server says', () => {
  it('Delta: each response of a type that was asked for gets one answer, in order, with its own verdict', () => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 25 }), (all) => {
        const scene = new Scene('Delta', { refuse });
        const requests = hear(scene, all);
        for (const type of Object.keys(make) as (keyof typeof TYPE)[]) {
          const nonces = all.flatMap((one, index) => (one.type === type ? [String(index + 6)] : []));
          const answered = noncesOf(requests, TYPE[type]);
          // Extensions are not asked for before a listener needs one; everything of `serve` is.
          expect(answered).toEqual(nonces.slice(nonces.length - answered.length));
          if (type !== 'extension') expect(answered).toHaveLength(nonces.length);
        }
      }),
    );
  });

  it('Sotw: the nonces of a type never go back, and after a while the last one has been said', () => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 25 }), (all) => {
        const scene = new Scene('Sotw', { refuse });
        const requests = hear(scene, all);
        for (const type of ['cluster', 'listener', 'runtime'] as const) {
          const last = all.findLastIndex((one) => one.type === type);
          const answered = noncesOf(requests, TYPE[type]).map(Number);
          expect(answered).toEqual([...answered].sort((a, b) => a - b));
          if (last >= 0) expect(answered.at(-1)).toBe(last + 6);
        }
      }),
    );
  });

  it.each([
    'Delta',
    'Sotw',
  ] as const)('%s: what the client holds is what it wants, and it wants what it uses', (variant) => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 25 }), (all) => {
        const scene = new Scene(variant, { refuse });
        hear(scene, all);
        const used = new Set([...scene.model.activeClusters.values()].map(({ eds }) => eds));
        for (const held of scene.model.heldVersions(TYPE.endpoint).keys()) expect(used).toContain(held);
        const routes = new Set([...scene.model.listeners.values()].map(({ body }) => body.route));
        for (const held of scene.model.heldVersions(TYPE.route).keys()) expect(routes).toContain(held);
        expect(scene.model.warmingClusters.size).toBe(0);
      }),
    );
  });

  it.each(['Delta', 'Sotw'] as const)('%s: a new stream asks for the same as the old one had', (variant) => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 25 }), (all) => {
        const scene = new Scene(variant, { refuse });
        hear(scene, all);
        const [once, twice] = [scene.reconnect(), scene.reconnect()];
        expect(twice).toEqual(once);
        for (const { typeUrl, initialVersions } of once) {
          const held = variant === 'Delta' ? Object.fromEntries(scene.model.heldVersions(typeUrl)) : {};
          expect(initialVersions).toEqual(held);
        }
      }),
    );
  });
});
