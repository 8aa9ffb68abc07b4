import type protobuf from 'protobufjs/light.js';
import { describedMessages, flag, nameOf, parts } from './descriptor-walk.ts';
import { descriptorBytes, protoName } from './schema.ts';

/** Number of the extension `udpa.annotations.sensitive`, which Envoy's protos give to keys, passwords and tokens. */
const SENSITIVE = 76_569_463;

let found: ReadonlySet<string> | undefined;

/** Whether Envoy would redact the field in a dump of its configuration. */
export function isSensitive(field: protobuf.Field): boolean {
  found ??= sensitiveFields(descriptorBytes());
  return found.has(`${field.parent?.fullName.slice(1)}.${protoName(field)}`);
}

/** `envoy.extensions.transport_sockets.tls.v3.TlsCertificate.private_key` and its like. */
function sensitiveFields(descriptorSet: Uint8Array): ReadonlySet<string> {
  const names = describedMessages(descriptorSet).flatMap(({ name, message }) =>
    parts(message, 2)
      .filter((field) => parts(field, 8).some((options) => flag(options, SENSITIVE)))
      .map((field) => `${name}.${nameOf(field, 1)}`),
  );
  return new Set(names);
}
