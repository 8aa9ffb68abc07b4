import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CarefulServer, type World } from './careful-server.ts';
import { EnvoyModel } from './envoy-model.ts';
import type { Variant } from './index.ts';
import { assignment, cluster, listener, route, runtime } from './scene.ts';

type Service = { readonly cluster: number; readonly endpoints: number; readonly shares: boolean } | null;
type Plan = { readonly services: readonly Service[]; readonly listener: number; readonly runtime: number };

const NAMES = ['a', 'b', 'c', 'd'];

const plan: fc.Arbitrary<Plan> = fc.record({
  services: fc.array(fc.option(fc.record({ cluster: fc.nat(2), endpoints: fc.nat(3), shares: fc.boolean() })), {
    minLength: NAMES.length,
    maxLength: NAMES.length,
  }),
  listener: fc.nat(2),
  runtime: fc.nat(2),
});

/** Versions are functions of the content, as a good server's are. */
function worldOf({ services, listener: at, runtime: layer }: Plan): World {
  const there = services.flatMap((service, index) =>
    service === null ? [] : [{ ...service, name: NAMES[index] ?? '' }],
  );
  const eds = ({ name, shares }: { name: string; shares: boolean }) => (shares ? 'shared' : name);
  const endpoints = new Map(there.map((one) => [eds(one), one.endpoints]));
  const names = there.map(({ name }) => name);
  return {
    cluster: there.map((one) => cluster(one.name, `${one.cluster} ${eds(one)}`, eds(one))),
    endpoint: [...endpoints].map(([name, count]) => assignment(name, String(count), count)),
    listener: [listener('l', String(at), `r${at}`)],
    route: [route(`r${at}`, names.join(), ...names)],
    runtime: [runtime('runtime', String(layer))],
  };
}

function live(model: EnvoyModel): unknown {
  return {
    clusters: [...model.activeClusters.values()]
      .map(({ name, version, endpoints }) => [name, version, endpoints])
      .sort(),
    listener: [...model.listeners.values()].map(({ version }) => version),
    routes: [...model.routes],
  };
}

function wished({ services, listener: at }: Plan): unknown {
  const world = worldOf({ services, listener: at, runtime: 0 });
  const counts = new Map(world.endpoint.map(({ name, version }) => [name, Number(version)]));
  return {
    clusters: world.cluster.map(({ name, version, body }) => [
      name,
      version,
      counts.get((body as { eds: string }).eds),
    ]),
    listener: [String(at)],
    routes: world.route.map(({ name, body }) => [name, (body as { clusters: readonly string[] }).clusters]),
  };
}

describe.each(['Delta', 'Sotw'] satisfies Variant[])('a careful server and a %s Envoy', (variant) => {
  it('any sequence of worlds, with reconnects in between, arrives and never gives a reason to complain', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(plan, fc.boolean()), { minLength: 1, maxLength: 6 }), (plans) => {
        const model = new EnvoyModel({ variant });
        const server = new CarefulServer(model, variant);
        let nowMs = 0;
        server.connect(nowMs);
        for (const [next, reconnects] of plans) {
          nowMs += 1000;
          server.become(worldOf(next), nowMs);
          expect(model.warmingClusters.size).toBe(0);
          expect(live(model)).toEqual(wished(next));
          if (!reconnects) continue;
          model.disconnect(nowMs);
          server.connect(nowMs);
          expect(live(model)).toEqual(wished(next));
        }
        expect(model.problems()).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
