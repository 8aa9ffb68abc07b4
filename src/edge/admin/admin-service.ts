import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadService } from './load-service.ts';

/** The gRPC methods of one service of the admin API. */
export function adminService(name: 'Observe' | 'Operations' | 'Policies' | 'Rollouts'): ServiceDefinition {
  return loadService(`loadline/admin/v1/${name.toLowerCase()}.proto`, `loadline.admin.v1.${name}`);
}
