import { type ServiceError, status } from '@grpc/grpc-js';
import { LoadlineError } from '../../base/errors.ts';

/** An error of a call as one for a person; what is no gRPC error stays what it is. */
export function inWords(error: unknown, address: string, deadlineMs: number): unknown {
  const { code, details = '' } = error as Partial<ServiceError>;
  if (code === undefined) return error;
  return new LoadlineError('LOADLINE_ADMIN', words(code, details, address, deadlineMs), error);
}

function words(code: status, details: string, address: string, deadlineMs: number): string {
  if (code === status.UNAVAILABLE) {
    if (/ECONNREFUSED|ENOENT/.test(details)) {
      return `nothing listens on ${address}: is \`loadline serve\` running? use --admin to name another address`;
    }
    if (/ENOTFOUND|EAI_AGAIN|Name resolution/i.test(details)) {
      return `the host of ${address} is not known; use --admin to name another address`;
    }
    return `${address} does not answer as Loadline's admin API (${details}); use --admin to name another address, and --tls-ca, --tls-cert and --tls-key where the server has certificates`;
  }
  if (code === status.DEADLINE_EXCEEDED) return `${address} did not answer within ${deadlineMs} ms`;
  if (code === status.UNIMPLEMENTED) {
    return `${address} speaks gRPC, but is not Loadline's admin API (or is an older one); use --admin to name another address`;
  }
  return `${address} refused: ${details} (${status[code]})`;
}
