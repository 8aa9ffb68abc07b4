import { LoadlineError } from '../../base/errors.ts';
import { loadProtos } from './load-service.ts';
import type { Wire } from './wire-values.ts';

/** A message that is no argument or answer of a method: a detail of an error. */
export type MessageType = {
  encode(value: Wire): Buffer;
  decode(bytes: Buffer): Wire;
};

type Definition = { readonly serialize: (value: object) => Buffer; readonly deserialize: (bytes: Buffer) => object };

/** By its full name, from the proto file that also documents it. */
export function messageType(proto: string, name: string): MessageType {
  const found = loadProtos(proto)[name] as unknown as Definition | undefined;
  if (found === undefined) throw new LoadlineError('LOADLINE_ADMIN', `${proto} has no message ${name}`);
  return {
    encode: (value) => Buffer.from(found.serialize(value)),
    decode: (bytes) => found.deserialize(bytes) as Wire,
  };
}
