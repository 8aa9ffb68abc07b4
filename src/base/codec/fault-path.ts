import protojson from 'protobufjs/ext/protojson.js';
import type protobuf from 'protobufjs/light.js';
import { isJsonObject, type JsonObject, type JsonValue } from './json-value.ts';
import { fieldOfKey, findType, nestedType } from './schema.ts';

/**
 * Says where a message does not fit its type and why. protobufjs names the type and the field but not the path, and a
 * Cluster has dozens of durations; so after a failure the parts are tried one by one. Slow, and only on the way out.
 */
export function describeFault(type: protobuf.Type, json: JsonObject): string {
  const { path, reason } = locate(type, json, '');
  return `${type.fullName.slice(1)}${path === '' ? '' : ` at ${path}`}: ${reason}`;
}

type Fault = { readonly path: string; readonly reason: string };

function locate(type: protobuf.Type, value: JsonValue, path: string): Fault {
  if (isJsonObject(value)) {
    const fault = type.fullName === '.google.protobuf.Any' ? faultInAny(value, path) : faultInFields(type, value, path);
    if (fault !== undefined) return fault;
  }
  return { path, reason: failure(type, value) ?? 'the parts fit and the whole does not' };
}

function faultInAny(value: JsonObject, path: string): Fault | undefined {
  const typeUrl = value['@type'];
  if (typeof typeUrl !== 'string') return { path, reason: 'an Any needs "@type"' };
  const inner = findType(typeUrl);
  if (inner === undefined) return { path: join(path, '@type'), reason: `${typeUrl} is not in the descriptor set` };
  const { '@type': _, ...fields } = value;
  return isWellKnown(inner) ? undefined : faultInFields(inner, fields, path);
}

function faultInFields(type: protobuf.Type, value: JsonObject, path: string): Fault | undefined {
  if (isWellKnown(type)) return undefined;
  for (const [key, part] of Object.entries(value)) {
    const field = fieldOfKey(type, key);
    const at = join(path, key);
    if (field === undefined) return { path: at, reason: `${type.fullName.slice(1)} has no such field` };
    const reason = failure(type, { [key]: part });
    if (reason === undefined) continue;
    if (field.map || field.repeated) return faultInElements(type, field, key, part, at) ?? { path: at, reason };
    return faultIn(field, part, at, reason);
  }
  return undefined;
}

function faultInElements(
  type: protobuf.Type,
  field: protobuf.Field,
  key: string,
  value: JsonValue,
  path: string,
): Fault | undefined {
  if (field.map && isJsonObject(value)) {
    for (const [name, part] of Object.entries(value)) {
      const reason = failure(type, { [key]: { [name]: part } });
      if (reason !== undefined) return faultIn(field, part, `${path}[${JSON.stringify(name)}]`, reason);
    }
  }
  if (field.repeated && Array.isArray(value)) {
    for (const [index, part] of value.entries()) {
      const reason = failure(type, { [key]: [part] });
      if (reason !== undefined) return faultIn(field, part as JsonValue, `${path}[${index}]`, reason);
    }
  }
  return undefined;
}

function faultIn(field: protobuf.Field, value: JsonValue, path: string, reason: string): Fault {
  const inner = nestedType(field);
  return inner !== undefined && isJsonObject(value) ? locate(inner, value, path) : { path, reason };
}

function failure(type: protobuf.Type, value: JsonValue): string | undefined {
  try {
    protojson.fromJson(type, value);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^\./, '');
  }
}

function isWellKnown(type: protobuf.Type): boolean {
  return type.fullName.startsWith('.google.protobuf.') && type.fullName !== '.google.protobuf.Any';
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
