import { LENGTH, readFields, VARINT } from './wire.ts';

/**
 * Reads options off a serialised FileDescriptorSet. protobufjs drops extensions of descriptor options unless its own descriptor
 * types are altered for the whole process; walking the bytes needs a handful of field numbers.
 */
export function parts(bytes: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  readFields(bytes, 'descriptor', (field, wireType, reader) => {
    if (field !== wanted || wireType !== LENGTH) return false;
    found.push(reader.bytes());
    return true;
  });
  return found;
}

export function nameOf(bytes: Uint8Array, field: number): string {
  return Buffer.from(parts(bytes, field)[0] ?? []).toString('utf8');
}

export function flag(bytes: Uint8Array, wanted: number): boolean {
  let value = false;
  readFields(bytes, 'options', (field, wireType, reader) => {
    if (field !== wanted || wireType !== VARINT) return false;
    value = reader.bool();
    return true;
  });
  return value;
}

/** A message of the set with its full name, each nested one after its parent. */
export type Described = { readonly name: string; readonly message: Uint8Array };

export function describedMessages(descriptorSet: Uint8Array): readonly Described[] {
  const found: Described[] = [];
  const take = (message: Uint8Array, scope: string): void => {
    const name = `${scope}.${nameOf(message, 1)}`;
    found.push({ name, message });
    for (const nested of parts(message, 3)) take(nested, name);
  };
  for (const file of parts(descriptorSet, 1)) {
    const scope = nameOf(file, 2);
    for (const message of parts(file, 4)) take(message, scope);
  }
  return found;
}
