import type { JsonObject } from '../../../src/base/codec/index.ts';
import { type Resource, renderForValidation, SIDECARS_CLUSTER } from '../../../src/core/resources/index.ts';
import { validateBootstrap } from '../../../src/edge/envoy/index.ts';

/** One configuration that Envoy is asked about, among others. */
export type Item<T> = { readonly of: T; readonly rendered: JsonObject };

const BATCH = 60;
const SHARED = new Set([SIDECARS_CLUSTER, 'loadline_xds']);

/** The rendering of one mutant; its runtime layers get names of their own, since a bootstrap may have each once. */
export function itemOf<T>(of: T, index: number, resources: readonly Resource[]): Item<T> {
  const rendered = renderForValidation(resources) as JsonObject & { layered_runtime: { layers: JsonObject[] } };
  const layers = rendered.layered_runtime.layers.map((layer) => ({ ...layer, name: `${layer.name}-${index}` }));
  return { of, rendered: { ...rendered, layered_runtime: { layers } } };
}

/**
 * Which of many an Envoy refuses, and why. An Envoy takes a tenth of a second to start, whatever it is asked, so many stand in one
 * bootstrap; when that is refused, halves are asked until the culprits stand alone.
 */
export async function refusedOf<T>(binary: string, items: readonly Item<T>[]): Promise<ReadonlyMap<T, string>> {
  const refused = new Map<T, string>();
  const ask = async (some: readonly Item<T>[]): Promise<void> => {
    const said = await validateBootstrap(binary, merged(some));
    if (said.ok) return;
    if (some.length === 1) {
      refused.set((some[0] as Item<T>).of, said.message);
      return;
    }
    const half = some.length >> 1;
    await ask(some.slice(0, half));
    await ask(some.slice(half));
  };
  for (const batch of batches(items)) await ask(batch);
  return refused;
}

/** What would collide in one bootstrap goes to different ones. */
function batches<T>(items: readonly Item<T>[]): readonly (readonly Item<T>[])[] {
  const made: { items: Item<T>[]; keys: Set<string> }[] = [];
  for (const item of items) {
    const keys = keysOf(item.rendered);
    let batch = made.find((one) => one.items.length < BATCH && !keys.some((key) => one.keys.has(key)));
    if (batch === undefined) {
      batch = { items: [], keys: new Set() };
      made.push(batch);
    }
    batch.items.push(item);
    for (const key of keys) batch.keys.add(key);
  }
  return made.map((batch) => batch.items);
}

function keysOf(rendered: JsonObject): readonly string[] {
  const { listeners, clusters } = rendered.static_resources as { listeners: JsonObject[]; clusters: JsonObject[] };
  return [
    ...listeners.flatMap(({ name, address }) => [`listener ${name}`, JSON.stringify(address)]),
    ...clusters.flatMap(({ name }) => (SHARED.has(name as string) ? [] : [`cluster ${name}`])),
  ];
}

function merged<T>(items: readonly Item<T>[]): JsonObject {
  const all = items.map(({ rendered }) => rendered as Rendered);
  const clusters = all.flatMap(({ static_resources: { clusters: some } }) => some);
  const own = clusters.filter(({ name }) => !SHARED.has(name as string));
  const shared = [...SHARED].flatMap((name) => clusters.find((cluster) => cluster.name === name) ?? []);
  return {
    ...(all[0] as Rendered),
    layered_runtime: { layers: all.flatMap(({ layered_runtime: { layers } }) => layers) },
    static_resources: {
      listeners: all.flatMap(({ static_resources: { listeners } }) => listeners),
      clusters: [...own, ...shared],
    },
  };
}

type Rendered = JsonObject & {
  readonly static_resources: { readonly listeners: JsonObject[]; readonly clusters: JsonObject[] };
  readonly layered_runtime: { readonly layers: JsonObject[] };
};
