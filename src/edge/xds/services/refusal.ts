import { LoadlineError } from '../../../base/errors.ts';
import { STATUS } from '../transport/rpc.ts';

/** Why a call cannot be answered: the gRPC status that ends it, with words for the person who made it. */
export type Refusal = { readonly kind: 'Refusal'; readonly status: number; readonly message: string };

export function refusal(status: number, message: string): Refusal {
  return { kind: 'Refusal', status, message };
}

/** Lets bytes that are no message end the call; any other error is a broken promise and goes on its way. */
export function orRefusal<T>(answer: () => T): T | Refusal {
  try {
    return answer();
  } catch (error) {
    if (!(error instanceof LoadlineError) || error.code !== 'LOADLINE_CODEC_UNREADABLE') throw error;
    return refusal(STATUS.INVALID_ARGUMENT, `the request cannot be read: ${error.message}`);
  }
}

export function isRefusal(answer: object): answer is Refusal {
  return 'kind' in answer && answer.kind === 'Refusal';
}
