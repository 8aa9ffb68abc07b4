import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { LoadlineError } from '../../base/errors.ts';
import type { Push, PushAnswer } from '../signals/index.ts';
import type { ClientTlsFiles } from '../tls/index.ts';
import { openClient } from './channel.ts';
import { decodeAnswer, encodePush } from './push-message.ts';
import { signalsService } from './push-service.ts';
import type { Wire } from './wire-values.ts';

/** One stream of an agent. It ends once, with its first failure; a new one is another `connectPush`. */
export interface PushClient {
  /** Rejects with LoadlineError LOADLINE_ADMIN when the stream is broken, refused, or not answered in time. */
  send(push: Push): Promise<PushAnswer>;
  close(): void;
}

export type PushClientOptions = {
  readonly agent: string;
  readonly answerWithinMs: number;
  readonly tls?: ClientTlsFiles | undefined;
};

type Waiting = {
  readonly sequence: number;
  readonly resolve: (answer: PushAnswer) => void;
  readonly reject: (error: unknown) => void;
};

/** @throws LoadlineError LOADLINE_CONFIG, as `openClient` */
export function connectPush(address: string, { agent, answerWithinMs, tls }: PushClientOptions): PushClient {
  const client = openClient('server', address, tls, {
    // A machine that went away without a word is noticed within the lease.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    // The caller decides when to try again; a pool would remember failures of the client before.
    'grpc.use_local_subchannel_pool': 1,
  });
  const method = signalsService().Push;
  if (method === undefined) throw new LoadlineError('LOADLINE_ADMIN', 'the service has no method Push');
  const call: ClientDuplexStream<Wire, Wire> = client.makeBidiStreamRequest<Wire, Wire>(
    method.path,
    method.requestSerialize as (value: Wire) => Buffer,
    method.responseDeserialize as (bytes: Buffer) => Wire,
  );
  let waiting: Waiting | undefined;
  let sequence = 0;
  let broken: LoadlineError | undefined;
  const fail = (words: string, cause?: unknown): void => {
    broken ??= new LoadlineError('LOADLINE_ADMIN', words, cause);
    const asked = waiting;
    waiting = undefined;
    asked?.reject(broken);
    call.cancel();
    client.close();
  };
  call.on('data', (wire: Wire) => {
    const { sequence: answered, answer } = decodeAnswer(wire);
    if (waiting?.sequence !== answered) return;
    const asked = waiting;
    waiting = undefined;
    asked.resolve(answer);
  });
  call.on('error', (error: ServiceError) => fail(`the server at ${address} ended the stream: ${error.details}`, error));
  call.on('end', () => fail(`the server at ${address} ended the stream`));

  return {
    send: (push) =>
      new Promise((resolve, reject) => {
        if (broken !== undefined) {
          reject(broken);
          return;
        }
        sequence += 1;
        const late = setTimeout(
          () => fail(`no answer from ${address} within ${answerWithinMs / 1000} s`),
          answerWithinMs,
        );
        waiting = {
          sequence,
          resolve: (answer) => {
            clearTimeout(late);
            resolve(answer);
          },
          reject: (error) => {
            clearTimeout(late);
            reject(error);
          },
        };
        call.write(encodePush(push, sequence, sequence === 1 ? agent : ''));
      }),
    close: () => {
      broken ??= new LoadlineError('LOADLINE_ADMIN', 'closed');
      call.end();
      // What is on its way may still go out; then the channel ends with its last call.
      client.close();
    },
  };
}
