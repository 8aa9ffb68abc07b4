import { LoadlineError } from '../../errors.ts';
import { describedMessages, flag, nameOf, parts } from '../descriptor-walk.ts';

/** The protoc-gen-validate options of a descriptor set, still encoded. */
export type RuleOptions = {
  /** `envoy.config.core.v3.Pipe.path` to the bytes of its `validate.FieldRules`. */
  readonly fields: ReadonlyMap<string, Uint8Array>;
  /** Full names of oneofs of which one member has to be set. */
  readonly requiredOneofs: ReadonlySet<string>;
};

/** Number of the extensions `validate.rules`, `validate.required`, `validate.disabled`; `validate.ignored` is the next. */
const VALIDATE = 1071;

/** Reads the rules off a serialised FileDescriptorSet. */
export function readRuleOptions(descriptorSet: Uint8Array): RuleOptions {
  const fields = new Map<string, Uint8Array>();
  const requiredOneofs = new Set<string>();
  for (const { name, message } of describedMessages(descriptorSet)) {
    for (const field of parts(message, 2)) {
      for (const options of parts(field, 8)) {
        for (const rules of parts(options, VALIDATE)) fields.set(`${name}.${nameOf(field, 1)}`, rules);
      }
    }
    for (const options of parts(message, 7)) {
      if (flag(options, VALIDATE) || flag(options, VALIDATE + 1)) {
        throw new LoadlineError('LOADLINE_CODEC_UNKNOWN_RULE', `${name}: rules are disabled for the whole message`);
      }
    }
    for (const oneof of parts(message, 8)) {
      for (const options of parts(oneof, 2)) {
        if (flag(options, VALIDATE)) requiredOneofs.add(`${name}.${nameOf(oneof, 1)}`);
      }
    }
  }
  return { fields, requiredOneofs };
}
