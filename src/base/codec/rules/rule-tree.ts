import type protobuf from 'protobufjs/light.js';
import { LoadlineError } from '../../errors.ts';
import type { Fields } from '../decode-message.ts';
import { messageType, nestedType, protoName } from '../schema.ts';

/** Only what is set, with the names of validate.proto; Durations in seconds, 64-bit integers as numbers. */
export type RuleTree = { readonly [name: string]: RuleValue };
export type RuleValue = number | string | boolean | Uint8Array | RuleTree | readonly (number | string | Uint8Array)[];

/** Decodes `validate.FieldRules`; `where` names the field in errors. Throws LOADLINE_CODEC_UNKNOWN_RULE. */
export function decodeRules(bytes: Uint8Array, where: string): RuleTree {
  const type = messageType('validate.FieldRules');
  const message = type.decode(bytes);
  // A rule that validate.proto does not have is dropped by the decoder: the length gives it away.
  if (type.encode(message).finish().length !== bytes.length) {
    throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_RULE', `${where} has a rule that validate.proto does not define`);
  }
  return tree(type, message as unknown as Fields);
}

function tree(type: protobuf.Type, message: Fields): RuleTree {
  const out: Record<string, RuleValue> = {};
  for (const field of type.fieldsArray) {
    if (!Object.hasOwn(message, field.name)) continue;
    const value = message[field.name];
    if (field.repeated) {
      const list = value as unknown[];
      if (list.length > 0) out[protoName(field)] = list.map((element) => leaf(field, element)) as (number | string)[];
    } else out[protoName(field)] = leaf(field, value);
  }
  return out;
}

function leaf(field: protobuf.Field, value: unknown): RuleValue {
  const inner = nestedType(field);
  if (inner !== undefined) return isDuration(inner) ? seconds(value) : tree(inner, value as Fields);
  if (value instanceof Uint8Array) return value;
  return typeof value === 'object' ? Number(value) : (value as number | string | boolean);
}

function isDuration(type: protobuf.Type): boolean {
  return type.fullName === '.google.protobuf.Duration' || type.fullName === '.google.protobuf.Timestamp';
}

/** Seconds of a decoded Duration. Rules and values have nanoseconds of at most a few hundred days: a double holds them. */
export function seconds(duration: unknown): number {
  const { seconds, nanos } = duration as { seconds: unknown; nanos: number };
  return Number(seconds) + nanos / 1e9;
}
