import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import protobuf from 'protobufjs/light.js';
import { LoadlineError } from '../errors.ts';
import { descriptorFolder } from './descriptor.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json-value.ts';
import { fieldOfKey, findType, messageType, nestedType, protoName } from './schema.ts';

/** What `proto/envoy/fields-since.json` says: full name to the first release that has it. */
type Since = {
  readonly messages: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly values: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

export type OlderMessage = {
  readonly json: JsonObject;
  /** Paths of what was left out, in the order of the message. */
  readonly removed: readonly string[];
};

/**
 * Leaves out what an older Envoy does not have: fields, enum values (with their field) and Any messages, also inside
 * other messages. Such an Envoy would ignore an unknown field without a word, and refuse an unknown Any.
 * `release` is `1.38` or `1.38.3`; releases before 1.36 are read as 1.36. The input is returned as it is when nothing
 * has to go. Throws LOADLINE_CODEC_UNKNOWN_TYPE, or LOADLINE_CODEC_INVALID_MESSAGE when `release` is no release.
 */
export function withoutNewerFields(typeName: string, json: JsonObject, release: string): OlderMessage {
  const removed: string[] = [];
  const target = releaseNumber(release);
  const pruned = prune({ target, removed, since: since() }, messageType(typeName), json, '') as JsonObject;
  return { json: removed.length === 0 ? json : pruned, removed };
}

type Pruning = { readonly target: number; readonly removed: string[]; readonly since: Since };

function prune(pruning: Pruning, type: protobuf.Type, json: JsonObject, path: string): JsonObject | undefined {
  if (type.fullName === '.google.protobuf.Any') return pruneAny(pruning, json, path);
  if (type.fullName.startsWith('.google.protobuf.')) return json;
  const newer = pruning.since.fields[type.fullName.slice(1)];
  const out: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(json)) {
    const field = fieldOfKey(type, key);
    const at = path === '' ? key : `${path}.${key}`;
    // What is unknown altogether is the encoder's to refuse.
    const kept = field === undefined ? value : pruneField(pruning, field, newer, value, at);
    if (kept === undefined) pruning.removed.push(at);
    else out[key] = kept;
  }
  return out;
}

function pruneField(
  pruning: Pruning,
  field: protobuf.Field,
  newer: Readonly<Record<string, string>> | undefined,
  value: JsonValue,
  path: string,
): JsonValue | undefined {
  if (isNewer(pruning, newer?.[protoName(field)])) return undefined;
  if (field.map && isJsonObject(value)) {
    const entries = Object.entries(value).flatMap(([key, element]) => {
      const at = `${path}[${JSON.stringify(key)}]`;
      const kept = pruneValue(pruning, field, element, at);
      if (kept === undefined) pruning.removed.push(at);
      return kept === undefined ? [] : [[key, kept] as const];
    });
    return Object.fromEntries(entries);
  }
  if (field.repeated && Array.isArray(value)) {
    return value.flatMap((element: JsonValue, index) => {
      const at = `${path}[${index}]`;
      const kept = pruneValue(pruning, field, element, at);
      if (kept === undefined) pruning.removed.push(at);
      return kept === undefined ? [] : [kept];
    });
  }
  return pruneValue(pruning, field, value, path);
}

function pruneValue(pruning: Pruning, field: protobuf.Field, value: JsonValue, path: string): JsonValue | undefined {
  const inner = nestedType(field);
  if (inner !== undefined) return isJsonObject(value) ? prune(pruning, inner, value, path) : value;
  if (!(field.resolvedType instanceof protobuf.Enum)) return value;
  const name = typeof value === 'number' ? field.resolvedType.valuesById[value] : value;
  const newer = pruning.since.values[field.resolvedType.fullName.slice(1)];
  return typeof name === 'string' && isNewer(pruning, newer?.[name]) ? undefined : value;
}

function pruneAny(pruning: Pruning, json: JsonObject, path: string): JsonObject | undefined {
  const { '@type': typeUrl, ...fields } = json;
  const type = typeof typeUrl === 'string' ? findType(typeUrl) : undefined;
  if (type === undefined) return json;
  if (isNewer(pruning, pruning.since.messages[type.fullName.slice(1)])) return undefined;
  return { '@type': typeUrl as string, ...prune(pruning, type, fields, path) };
}

function isNewer(pruning: Pruning, release: string | undefined): boolean {
  return release !== undefined && releaseNumber(release) > pruning.target;
}

function releaseNumber(release: string): number {
  const match = /^(\d+)\.(\d+)(?:\.|$)/.exec(release);
  if (match === null) throw new LoadlineError('LOADLINE_CODEC_INVALID_MESSAGE', `${release} is not an Envoy release`);
  return Number(match[1]) * 1000 + Number(match[2]);
}

let table: Since | undefined;

function since(): Since {
  table ??= JSON.parse(readFileSync(join(descriptorFolder(), 'fields-since.json'), 'utf8')) as Since;
  return table;
}
