import protobuf from 'protobufjs/light.js';
import 'protobufjs/ext/descriptor.js';
import { LoadlineError } from '../errors.ts';
import { readDescriptor } from './descriptor.ts';

const TYPE_URL_PREFIX = 'type.googleapis.com/';

/** One loaded descriptor set. */
export type Schema = {
  readonly root: protobuf.Root;
  /** The serialised FileDescriptorSet: protobufjs drops the options that carry the validation rules. */
  readonly descriptor: Uint8Array;
};

let loaded: Schema | undefined;
let descriptor: Uint8Array | undefined;
const typesByName = new Map<string, protobuf.Type>();

/**
 * The descriptor set as protobufjs types, loaded on first use (about 0.2 s) and kept. Field names are camelCase inside
 * this room, because protobufjs's ProtoJSON of Struct and Value works with those names only.
 */
export function schema(): Schema {
  if (loaded === undefined) {
    const descriptor = descriptorBytes();
    const root = protobuf.Root.fromDescriptor(descriptor);
    root.resolveAll();
    loaded = { root, descriptor };
  }
  return loaded;
}

/** The serialised FileDescriptorSet, read once; a few milliseconds, because no types are built. */
export function descriptorBytes(): Uint8Array {
  descriptor ??= readDescriptor();
  return descriptor;
}

/** A message type by full name or type URL, or undefined when the descriptor set does not have it. */
export function findType(nameOrUrl: string): protobuf.Type | undefined {
  const name = nameOrUrl.slice(nameOrUrl.lastIndexOf('/') + 1);
  const known = typesByName.get(name);
  if (known !== undefined) return known;
  // `lookup` searches relative names too: only an exact full name may match.
  const found = schema().root.lookup(name, [protobuf.Type]);
  if (!(found instanceof protobuf.Type) || found.fullName !== `.${name}`) return undefined;
  typesByName.set(name, found);
  return found;
}

/** Like {@link findType}; throws LOADLINE_CODEC_UNKNOWN_TYPE. */
export function messageType(nameOrUrl: string): protobuf.Type {
  const type = findType(nameOrUrl);
  if (type === undefined) {
    throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_TYPE', `${nameOrUrl} is not in the descriptor set`);
  }
  return type;
}

/** `type.googleapis.com/envoy…` of a message name; throws LOADLINE_CODEC_UNKNOWN_TYPE. */
export function typeUrlOf(typeName: string): string {
  return TYPE_URL_PREFIX + messageType(typeName).fullName.slice(1);
}

/** The message type of a field, or undefined for scalars and enums. */
export function nestedType(field: protobuf.Field): protobuf.Type | undefined {
  return field.resolvedType instanceof protobuf.Type ? field.resolvedType : undefined;
}

/** Field of a ProtoJSON key, which may be written as in the .proto file or in camelCase. */
export function fieldOfKey(type: protobuf.Type, key: string): protobuf.Field | undefined {
  const index = (fieldsByKey.get(type) ?? indexFields(type)) as ReadonlyMap<string, protobuf.Field>;
  return index.get(key);
}

const fieldsByKey = new Map<protobuf.Type, ReadonlyMap<string, protobuf.Field>>();

function indexFields(type: protobuf.Type): ReadonlyMap<string, protobuf.Field> {
  const index = new Map<string, protobuf.Field>();
  for (const field of type.fieldsArray) {
    field.resolve();
    for (const key of [field.name, protoName(field), jsonName(field)]) index.set(key, field);
  }
  fieldsByKey.set(type, index);
  return index;
}

/** The field's name in the .proto file. */
export function protoName(field: protobuf.Field): string {
  return field.protoName ?? field.name;
}

function jsonName(field: protobuf.Field): string {
  return field.jsonName ?? field.name;
}
