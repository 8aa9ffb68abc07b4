import { describe, expect, it } from 'vitest';
import { OBSERVED } from '../../scripts/envoy-page.ts';
import { policySchema } from '../../scripts/policy-schema.ts';

type Schema = Readonly<Record<string, unknown>>;

describe('the page of what becomes of a policy in Envoy', () => {
  it.each(Object.entries(OBSERVED))('names every field of %s once, and no other', (kind, rows) => {
    const fields = fieldsOf(kind);
    expect(fields.length).toBeGreaterThan(5);
    const patterns = rows.flatMap((row) => row.fields);
    const covers = (pattern: string, field: string): boolean =>
      pattern.endsWith('.**')
        ? `${field}.`.startsWith(pattern.slice(0, -2)) || field.startsWith(pattern.slice(0, -3))
        : pattern === field;
    const times = fields.map((field) => [field, patterns.filter((pattern) => covers(pattern, field)).length] as const);
    expect(times.filter(([, count]) => count !== 1)).toEqual([]);
    expect(patterns.filter((pattern) => !fields.some((field) => covers(pattern, field)))).toEqual([]);
  });
});

/** Paths of all values that a document of a kind may have, from the schema of the language. */
function fieldsOf(kind: string): readonly string[] {
  const schema = JSON.parse(policySchema()) as {
    allOf: { if: { properties: { kind: { const: string } } }; then: Schema }[];
  };
  const found = schema.allOf.find((one) => one.if.properties.kind.const === kind);
  const fields = new Set<string>();
  walk(found?.then ?? {}, '', fields);
  return [...fields];
}

function walk(node: Schema, path: string, into: Set<string>): void {
  for (const key of ['anyOf', 'oneOf', 'allOf'] as const)
    for (const alternative of (node[key] ?? []) as Schema[]) walk(alternative, path, into);
  if (node.properties !== undefined) {
    for (const [key, value] of Object.entries(node.properties as Record<string, Schema>))
      walk(value, path === '' ? key : `${path}.${key}`, into);
  } else if (isObject(node.items)) walk(node.items, `${path}[]`, into);
  else if (isObject(node.additionalProperties)) walk(node.additionalProperties, `${path}.*`, into);
  else if (path !== '' && node.type !== undefined && node.type !== 'object') into.add(path);
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}
