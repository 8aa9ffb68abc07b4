import { frame, type RpcHandler, STATUS } from '../transport/rpc.ts';
import { isRefusal, orRefusal, type Refusal, refusal } from './refusal.ts';

/** A method with one request and one answer. */
export function unary(answer: (request: Buffer) => Uint8Array | Refusal): RpcHandler {
  return (rpc) => {
    let over = false;
    const finish = (result: Uint8Array | Refusal): void => {
      if (over) return;
      over = true;
      if (isRefusal(result)) {
        rpc.end(result.status, result.message);
        return;
      }
      rpc.send(frame(result));
      rpc.end(STATUS.OK);
    };
    return {
      message: (bytes) => {
        if (!over) finish(orRefusal(() => answer(bytes)));
      },
      halfClosed: () => finish(refusal(STATUS.INVALID_ARGUMENT, 'the call ended without a request')),
      closed: () => {
        over = true;
      },
    };
  };
}
