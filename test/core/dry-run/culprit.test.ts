import { describe, expect, it } from 'vitest';
import { culpritIn } from '../../../src/core/dry-run/index.ts';
import type { Resource } from '../../../src/core/resources/index.ts';
import { assignment, cluster, listener, routes } from '../../support/envoy-resources.ts';

const names = Array.from({ length: 40 }, (_, index) => `c${index}`);
const resources: readonly Resource[] = [
  ...names.map((name) => cluster(name)),
  ...names.map((name) => assignment(name, [{ port: 1 }])),
  ...['one', 'two'].flatMap((name) => [listener(name, 15_001), routes(name, ['c1'])]),
];

/** Asks an Envoy that refuses whatever it says so of. */
function found(refuses: (part: readonly Resource[]) => boolean): { readonly culprit: string; readonly asked: number } {
  const steps = culpritIn(resources);
  let asked = 0;
  let step = steps.next();
  while (step.done !== true) {
    asked += 1;
    step = steps.next(refuses(step.value));
  }
  const { typeUrl = '', name = '' } = step.value ?? {};
  return { culprit: `${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} ${name}`.trim(), asked };
}

const has = (wanted: Resource | undefined) => (part: readonly Resource[]) =>
  wanted !== undefined && part.includes(wanted);

describe('the culprit that Envoy does not name', () => {
  it.each(
    resources.filter(({ typeUrl }) => !typeUrl.endsWith('ClusterLoadAssignment')),
  )('is found whichever it is, with few questions', (wanted) => {
    const { culprit, asked } = found(has(wanted));
    expect(culprit).toBe(`${wanted.typeUrl.slice(wanted.typeUrl.lastIndexOf('.') + 1)} ${wanted.name}`);
    expect(asked).toBeLessThanOrEqual(8);
  });

  it('of an assignment is its cluster', () => {
    const wanted = resources.find(({ typeUrl, name }) => typeUrl.endsWith('ClusterLoadAssignment') && name === 'c17');
    expect(found(has(wanted)).culprit).toBe('Cluster c17');
  });

  it('is nobody where only all together are refused', () => {
    expect(found((part) => part.length === resources.length).culprit).toBe('');
  });
});
