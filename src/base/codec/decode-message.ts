import protobuf from 'protobufjs/light.js';
import { messageType, nestedType, protoName } from './schema.ts';
import { readable, safeInteger } from './wire.ts';

/**
 * Decodes a message into plain objects with the field names of the .proto file. Only fields that are set appear; enum
 * values are names (numbers when unknown), 64-bit integers numbers, bytes Uint8Array. Well-known types and Any stay as
 * they are on the wire: a Duration is `{ seconds, nanos }`, an Any `{ type_url, value }`.
 * Throws LOADLINE_CODEC_UNKNOWN_TYPE, or LOADLINE_CODEC_UNREADABLE, also for an integer beyond 2^53.
 */
export function decodeMessage(typeName: string, bytes: Uint8Array): Record<string, unknown> {
  const type = messageType(typeName);
  return readable(type.name, () => plain(type, type.decode(bytes) as unknown as Fields));
}

/** A decoded protobufjs message: camelCase names, set fields are own properties. */
export type Fields = Readonly<Record<string, unknown>>;

function plain(type: protobuf.Type, message: Fields): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    if (!isSet(field, message)) continue;
    const value = message[field.name];
    if (field.repeated) out[protoName(field)] = (value as unknown[]).map((element) => plainValue(field, element));
    else if (field.map) {
      const entries = Object.entries(value as Fields).map(([key, element]) => [key, plainValue(field, element)]);
      out[protoName(field)] = Object.fromEntries(entries);
    } else out[protoName(field)] = plainValue(field, value);
  }
  return out;
}

function plainValue(field: protobuf.Field, value: unknown): unknown {
  const inner = nestedType(field);
  if (inner !== undefined) return plain(inner, value as Fields);
  if (field.resolvedType instanceof protobuf.Enum) return field.resolvedType.valuesById[value as number] ?? value;
  return isLong(field) ? safeInteger(value, protoName(field)) : value;
}

/** Whether a field was on the wire, or, without presence, has another value than the default. */
export function isSet(field: protobuf.Field, message: Fields): boolean {
  if (!Object.hasOwn(message, field.name)) return false;
  const value = message[field.name];
  if (value === null || value === undefined) return false;
  if (field.repeated) return (value as unknown[]).length > 0;
  if (field.map) return Object.keys(value).length > 0;
  return true;
}

function isLong(field: protobuf.Field): boolean {
  return field.type.endsWith('64');
}
