import { LoadlineError } from '../../errors.ts';
import { LENGTH, readFields, VARINT } from '../wire.ts';

/** The protoc-gen-validate options of a descriptor set, still encoded. */
export type RuleOptions = {
  /** `envoy.config.core.v3.Pipe.path` to the bytes of its `validate.FieldRules`. */
  readonly fields: ReadonlyMap<string, Uint8Array>;
  /** Full names of oneofs of which one member has to be set. */
  readonly requiredOneofs: ReadonlySet<string>;
};

/** Number of the extensions `validate.rules`, `validate.required`, `validate.disabled`; `validate.ignored` is the next. */
const VALIDATE = 1071;

/**
 * Reads the rules off a serialised FileDescriptorSet. protobufjs drops extensions of descriptor options unless its own
 * descriptor types are altered for the whole process; walking the bytes needs a handful of field numbers.
 */
export function readRuleOptions(descriptorSet: Uint8Array): RuleOptions {
  const fields = new Map<string, Uint8Array>();
  const requiredOneofs = new Set<string>();

  const readMessage = (bytes: Uint8Array, scope: string): void => {
    const name = `${scope}.${nameOf(bytes, 1)}`;
    for (const field of parts(bytes, 2)) {
      for (const options of parts(field, 8)) {
        for (const rules of parts(options, VALIDATE)) fields.set(`${name}.${nameOf(field, 1)}`, rules);
      }
    }
    for (const nested of parts(bytes, 3)) readMessage(nested, name);
    for (const options of parts(bytes, 7)) {
      if (flag(options, VALIDATE) || flag(options, VALIDATE + 1)) {
        throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_RULE', `${name}: rules are disabled for the whole message`);
      }
    }
    for (const oneof of parts(bytes, 8)) {
      for (const options of parts(oneof, 2)) {
        if (flag(options, VALIDATE)) requiredOneofs.add(`${name}.${nameOf(oneof, 1)}`);
      }
    }
  };

  for (const file of parts(descriptorSet, 1)) {
    const scope = nameOf(file, 2);
    for (const message of parts(file, 4)) readMessage(message, scope);
  }
  return { fields, requiredOneofs };
}

function parts(bytes: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  readFields(bytes, 'descriptor', (field, wireType, reader) => {
    if (field !== wanted || wireType !== LENGTH) return false;
    found.push(reader.bytes());
    return true;
  });
  return found;
}

function nameOf(bytes: Uint8Array, field: number): string {
  return Buffer.from(parts(bytes, field)[0] ?? []).toString('utf8');
}

function flag(bytes: Uint8Array, wanted: number): boolean {
  let value = false;
  readFields(bytes, 'options', (field, wireType, reader) => {
    if (field !== wanted || wireType !== VARINT) return false;
    value = reader.bool();
    return true;
  });
  return value;
}
