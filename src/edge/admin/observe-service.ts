import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { LoadlineError } from '../../base/errors.ts';

const PROTO = 'loadline/admin/v1/observe.proto';
const SERVICE = 'loadline.admin.v1.Observe';

/** The gRPC methods of Observe, read from the proto file that also documents them. */
export function observeService(): ServiceDefinition {
  const loaded = loadSync(PROTO, {
    includeDirs: [protoFolder()],
    longs: Number,
    enums: String,
    // Absent stays absent: an unknown number must not come out as 0. Lists and maps are filled in.
    arrays: true,
    objects: true,
  });
  const service = loaded[SERVICE];
  if (service === undefined) throw new LoadlineError('LOADLINE_ADMIN', `${PROTO} has no service ${SERVICE}`);
  return service as ServiceDefinition;
}

/** `proto/` stands beside `src` and `dist` alike: the first folder above this file that has it. */
function protoFolder(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const candidate = join(folder, 'proto');
    if (existsSync(join(candidate, PROTO))) return candidate;
    if (folder === dirname(folder)) {
      throw new LoadlineError('LOADLINE_ADMIN', `proto/${PROTO} is missing above ${import.meta.dirname}`);
    }
  }
}
