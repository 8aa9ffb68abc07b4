import { status } from '@grpc/grpc-js';

const STATUS_OF: Readonly<Record<string, status>> = { NotFound: status.NOT_FOUND, Refused: status.FAILED_PRECONDITION };

/** Bad input as a status with its words. */
export function refusalStatus(issues: readonly { readonly code: string; readonly message: string }[]): {
  readonly code: status;
  readonly details: string;
} {
  const code = STATUS_OF[issues[0]?.code ?? ''] ?? status.INVALID_ARGUMENT;
  return { code, details: issues.map(({ message }) => message).join('; ') };
}
