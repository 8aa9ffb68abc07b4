import protojson from 'protobufjs/ext/protojson.js';
import type protobuf from 'protobufjs/light.js';
import { LoadlineError } from '../errors.ts';
import { describeFault } from './fault-path.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json-value.ts';
import { messageType } from './schema.ts';

const MAX_DEPTH = 100;

/**
 * Encodes ProtoJSON as a message. Equal content gives equal bytes: fields go out by number, and map entries by key,
 * also within Struct and Any, whatever the order of keys in the input.
 *
 * `typeName` is a full name (`envoy.config.cluster.v3.Cluster`) or a type URL. Keys may be snake_case or camelCase.
 * Throws LOADLINE_CODEC_UNKNOWN_TYPE, or LOADLINE_CODEC_INVALID_MESSAGE with the path of the first field that does not
 * fit (unknown field, unknown enum value, wrong type, two members of one oneof).
 */
export function encodeMessage(typeName: string, json: JsonObject): Uint8Array {
  return encodeJson(messageType(typeName), json);
}

export function encodeJson(type: protobuf.Type, json: JsonObject): Uint8Array {
  const sorted = withSortedKeys(json, 0);
  try {
    return type.encode(protojson.fromJson(type, sorted)).finish();
  } catch (cause) {
    throw new LoadlineError('LOADLINE_CODEC_INVALID_MESSAGE', describeFault(type, sorted as JsonObject), cause);
  }
}

// protobufjs writes map entries in the order of the keys, and packs an Any while it reads the JSON: so the order has to
// be settled before.
function withSortedKeys(value: JsonValue, depth: number): JsonValue {
  if (depth > MAX_DEPTH) {
    throw new LoadlineError('LOADLINE_CODEC_INVALID_MESSAGE', `nested deeper than ${MAX_DEPTH} levels`);
  }
  if (Array.isArray(value)) return value.map((element: JsonValue) => withSortedKeys(element, depth + 1));
  if (!isJsonObject(value)) return value;
  // Without a prototype, so that a key `__proto__` is a key.
  const sorted = Object.create(null) as Record<string, JsonValue>;
  for (const key of Object.keys(value).sort()) sorted[key] = withSortedKeys(value[key] as JsonValue, depth + 1);
  return sorted;
}
