import type { z } from 'zod';
import type { Issue } from '../../../base/units/index.ts';
import { DURATION, PERCENT, RATE } from '../schema/units.ts';
import { nearest } from '../text/nearest.ts';
import { type Path, printable, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import { homesOf, keysAt } from './schema-keys.ts';
import { MAX_ISSUES } from './text-order.ts';

type SchemaIssue = z.core.$ZodIssue;

/** One unknown key, or any other finding. */
type Finding = { readonly issue: SchemaIssue; readonly key?: string };

/**
 * What the schema found, in the words and positions of the policy. Messages of the schema are noun phrases. At most
 * one more is made than is shown, to tell that there are more.
 */
export function schemaIssues(
  document: PolicyDocument,
  schema: z.core.$ZodType,
  found: readonly SchemaIssue[],
): Issue[] {
  const misspelt = new Set(found.flatMap(({ code, path }) => (code === 'unrecognized_keys' ? [path.join('\n')] : [])));
  const findings: Finding[] = found.flatMap((issue): Finding[] => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ issue, key }));
    // "one of these keys is due" is only the echo of a misspelt one
    return issue.code === 'custom' && misspelt.has(issue.path.join('\n')) ? [] : [{ issue }];
  });
  return findings.slice(0, MAX_ISSUES + 1).map(({ issue, key }) => {
    const path = issue.path as Path;
    return key === undefined ? valueIssue(document, issue, path) : unknownKey(document, schema, path, key);
  });
}

function valueIssue(document: PolicyDocument, issue: SchemaIssue, path: Path): Issue {
  if (issue.code === 'invalid_key') {
    const phrase = issue.issues[0]?.message ?? 'another key';
    const got = printable(String(path.at(-1) ?? ''), 40);
    return document.keyIssue('POLICY_VALUE', path, `expected ${phrase}, got ${got}`);
  }
  const value = valueAt(document.value, path);
  if (value === undefined) return document.issue('POLICY_MISSING', path, `missing; expected ${issue.message}`);
  const code = isWrongType(issue, value) ? 'POLICY_TYPE' : 'POLICY_VALUE';
  const written = document.written(path);
  return document.issue(code, path, `expected ${issue.message}, got ${written}`, hintFor(issue, value, written));
}

function unknownKey(document: PolicyDocument, schema: z.core.$ZodType, path: Path, key: string): Issue {
  const known = keysAt(schema, path);
  const near = nearest(key, known);
  const [home] = near === undefined ? homesOf(schema, key) : [];
  const hint =
    near === undefined ? (home === undefined ? undefined : `that key belongs to ${home}`) : `did you mean ${near}?`;
  const message = `unknown key; expected ${known.length === 0 ? 'no keys' : `one of ${known.join(', ')}`}`;
  return document.keyIssue('POLICY_UNKNOWN_KEY', [...path, key], message, hint);
}

function isWrongType(issue: SchemaIssue, value: unknown): boolean {
  if (issue.code === 'invalid_value') return typeof value !== 'string';
  if (issue.code !== 'invalid_type') return false;
  // 1.5 where a whole number is due is of the right type and has the wrong value
  return !(typeof value === 'number' && (issue.expected === 'int' || issue.expected === 'number'));
}

function hintFor(issue: SchemaIssue, value: unknown, written: string): string | undefined {
  if (issue.code === 'custom') return issue.params?.hint as string | undefined;
  if (issue.code === 'invalid_value' && typeof value === 'string') {
    const near = nearest(value, issue.values.map(String));
    return near === undefined ? undefined : `did you mean ${near}?`;
  }
  if (issue.code !== 'invalid_type') return undefined;
  if (value === null) return 'the value is empty: write one, or remove the key';
  if (issue.expected === 'string') return stringHint(issue.message, value, written);
  if (issue.expected === 'boolean') return typeof value === 'string' ? 'YAML 1.2 knows only true and false' : undefined;
  if (issue.expected === 'array')
    return typeof value === 'string' ? `write a list: [${printable(value, 40)}]` : undefined;
  const isNumber = issue.expected === 'number' || issue.expected === 'int';
  return isNumber && typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
    ? `write it without quotes: ${printable(value, 40)}`
    : undefined;
}

function stringHint(phrase: string, value: unknown, written: string): string | undefined {
  if (typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  if (phrase.startsWith(DURATION)) return `add a unit: ${written}s or ${written}ms`;
  if (phrase.startsWith(PERCENT)) return percentHint(value, written);
  if (phrase.startsWith(RATE)) return `say per what: ${written}/s, ${written}/m or ${written}/h`;
  return `put it in quotes: "${written}"`;
}

/** 0.5 may mean half or half a percent. */
function percentHint(value: number | boolean, written: string): string {
  const ratio = typeof value === 'number' && value > 0 && value <= 1;
  return ratio ? `write the sign: ${value * 100}% or ${written}%` : `write the sign: ${written}%`;
}
