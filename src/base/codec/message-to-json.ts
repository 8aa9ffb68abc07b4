import protojson from 'protobufjs/ext/protojson.js';
import protobuf from 'protobufjs/light.js';
import { REDACTED } from '../units/index.ts';
import { type Fields, isSet } from './decode-message.ts';
import type { JsonObject, JsonValue } from './json-value.ts';
import { findType, messageType, nestedType, protoName } from './schema.ts';
import { isSensitive } from './sensitive-fields.ts';
import { readable } from './wire.ts';

const MAX_DEPTH = 100;
const WELL_KNOWN = '.google.protobuf.';
const ANY = '.google.protobuf.Any';

/**
 * Decodes a message to ProtoJSON with the field names of the .proto file, which is how people write Envoy
 * configuration (protobufjs writes camelCase). The content of an Any is resolved; one of a type that is not in the
 * descriptor set becomes `{ '@type', value: base64 }`. Defaults are left out.
 * Throws LOADLINE_CODEC_UNKNOWN_TYPE or LOADLINE_CODEC_UNREADABLE.
 */
export function messageToJson(typeName: string, bytes: Uint8Array): JsonObject {
  return decoded(typeName, bytes, 'Nothing');
}

/**
 * The same without secrets, as Envoy dumps its configuration: in fields that its protos call sensitive, and below them, texts
 * and bytes are `[redacted]`, and everything else is left out. It is ProtoJSON still.
 */
export function messageToRedactedJson(typeName: string, bytes: Uint8Array): JsonObject {
  return decoded(typeName, bytes, 'Sensitive');
}

/** What must not be told. `All`: within a field that is sensitive. */
type Hidden = 'Nothing' | 'Sensitive' | 'All';

function decoded(typeName: string, bytes: Uint8Array, hidden: Hidden): JsonObject {
  const type = messageType(typeName);
  return readable(type.name, () => toJson(type, type.decode(bytes) as unknown as Fields, 0, hidden) as JsonObject);
}

/** Undefined: there is nothing that may be told. */
function toJson(type: protobuf.Type, message: Fields, depth: number, hidden: Hidden): JsonValue | undefined {
  // A few KB of Any within Any within Any would otherwise exhaust the stack.
  if (depth > MAX_DEPTH) throw new Error(`nested deeper than ${MAX_DEPTH} levels`);
  if (type.fullName === ANY) return anyToJson(message, depth, hidden);
  if (isLeaf(type))
    return hidden === 'All' ? undefined : (protojson.toJson(type, message as Record<string, unknown>) as JsonValue);
  const out: Record<string, JsonValue> = {};
  for (const field of type.fieldsArray) {
    if (!isSet(field, message)) continue;
    const inside = hidden === 'Sensitive' && isSensitive(field) ? 'All' : hidden;
    const json = fieldToJson(type, field, message[field.name], depth, inside);
    if (json !== undefined) out[protoName(field)] = json;
  }
  return out;
}

function fieldToJson(
  type: protobuf.Type,
  field: protobuf.Field,
  value: unknown,
  depth: number,
  hidden: Hidden,
): JsonValue | undefined {
  const one = (element: unknown): JsonValue | undefined => valueToJson(type, field, element, depth, hidden);
  if (field.repeated) return (value as unknown[]).map(one).filter((json) => json !== undefined);
  if (!field.map) return one(value);
  const entries = Object.entries(value as Fields).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.flatMap(([key, element]) => {
      const json = one(element);
      return json === undefined ? [] : [[key, json]];
    }),
  );
}

function valueToJson(
  type: protobuf.Type,
  field: protobuf.Field,
  value: unknown,
  depth: number,
  hidden: Hidden,
): JsonValue | undefined {
  const inner = nestedType(field);
  if (inner !== undefined) return toJson(inner, value as Fields, depth + 1, hidden);
  if (hidden === 'All') {
    if (value instanceof Uint8Array) return Buffer.from(REDACTED).toString('base64');
    return typeof value === 'string' ? REDACTED : undefined;
  }
  if (field.resolvedType instanceof protobuf.Enum) {
    return field.resolvedType.fullName === '.google.protobuf.NullValue'
      ? null
      : (field.resolvedType.valuesById[value as number] ?? (value as number));
  }
  return scalarToJson(type, field, value);
}

function scalarToJson(type: protobuf.Type, field: protobuf.Field, value: unknown): JsonValue {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      // JSON has no NaN and no infinities; ProtoJSON writes their names.
      return Number.isFinite(value) ? (field.type.endsWith('64') ? String(value) : value) : String(value);
    case 'object':
      return String(value);
  }
  throw new Error(`${type.fullName}.${field.name}: unexpected ${typeof value}`);
}

function anyToJson(any: Fields, depth: number, hidden: Hidden): JsonValue {
  const typeUrl = any.typeUrl as string | undefined;
  const value = (any.value as Uint8Array | undefined) ?? new Uint8Array();
  if (typeUrl === undefined || typeUrl === '') return {};
  const type = findType(typeUrl);
  // Of what cannot be read nobody knows which part is secret.
  if (type === undefined && hidden !== 'Nothing') return { '@type': typeUrl };
  if (type === undefined) return { '@type': typeUrl, value: Buffer.from(value).toString('base64') };
  const inner = toJson(type, type.decode(value) as unknown as Fields, depth + 1, hidden);
  if (inner === undefined) return { '@type': typeUrl };
  return type.fullName === ANY || isLeaf(type)
    ? { '@type': typeUrl, value: inner }
    : { '@type': typeUrl, ...(inner as JsonObject) };
}

/** Well-known types that have a JSON form of their own. Empty and the descriptor's messages are ordinary. */
function isLeaf(type: protobuf.Type): boolean {
  return type.fullName.startsWith(WELL_KNOWN) && OWN_FORM.has(type.fullName.slice(WELL_KNOWN.length));
}

const OWN_FORM: ReadonlySet<string> = new Set([
  'Duration',
  'Timestamp',
  'FieldMask',
  'Struct',
  'Value',
  'ListValue',
  'DoubleValue',
  'FloatValue',
  'Int64Value',
  'UInt64Value',
  'Int32Value',
  'UInt32Value',
  'BoolValue',
  'StringValue',
  'BytesValue',
]);
