import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { LoadlineError } from '../../base/errors.ts';

/** The gRPC methods of a service, read from the proto file that also documents them. */
export function loadService(proto: string, service: string): ServiceDefinition {
  const definition = loadProtos(proto)[service];
  if (definition === undefined) throw new LoadlineError('LOADLINE_ADMIN', `${proto} has no service ${service}`);
  return definition as ServiceDefinition;
}

/** Everything that a proto file defines, by its full name. */
export function loadProtos(proto: string): PackageDefinition {
  return loadSync(proto, {
    includeDirs: [protoFolder(proto)],
    longs: Number,
    enums: String,
    // Absent stays absent: an unknown number must not come out as 0. Lists and maps are filled in.
    arrays: true,
    objects: true,
  });
}

/** `proto/` stands beside `src` and `dist` alike: the first folder above this file that has it. */
function protoFolder(proto: string): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, 'proto');
    if (existsSync(join(candidate, proto))) return candidate;
    if (folder === dirname(folder)) {
      throw new LoadlineError('LOADLINE_ADMIN', `proto/${proto} is missing above ${import.meta.dirname}`);
    }
  }
}
