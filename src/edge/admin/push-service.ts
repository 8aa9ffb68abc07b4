import { type ServerDuplexStream, type ServiceDefinition, status } from '@grpc/grpc-js';
import { TokenBucket } from '../../base/units/index.ts';
import type { Log } from '../observe/index.ts';
import type { PushOpened, PushStream } from '../signals/index.ts';
import type { Permit } from './gate.ts';
import { loadService } from './load-service.ts';
import { decodePush, encodeAnswer } from './push-message.ts';
import { refusedMessage } from './request-limits.ts';
import type { Wire } from './wire-values.ts';

/** Who takes what agents push. Called for each stream and each of its messages; must not block. */
export interface PushSeam {
  /** `mayFor` says for which model services the agent may speak. */
  open(agent: string, mayFor: (service: string) => boolean): PushOpened;
}

export type PushService = {
  readonly handlers: { readonly push: (call: Call, permit: Permit) => void };
  /** Ends every stream: agents try elsewhere, or again. */
  stop(): void;
};

type Call = ServerDuplexStream<Wire, Wire>;

/** An agent speaks once a second; ten times that is a mistake. */
const MAX_PER_SEC = 20;
const BURST = 40;
const IDLE_MS = 60_000;

export function signalsService(): ServiceDefinition {
  return loadService('loadline/signals/v1/signals.proto', 'loadline.signals.v1.Signals');
}

/** Streams of agents: each message is answered, and a stream that breaks the rules ends with a status that says which. */
export function pushService(seam: PushSeam, log: Log): PushService {
  const calls = new Set<Call>();
  return {
    handlers: {
      push: (call, permit) => {
        calls.add(call);
        const open = (agent: string): PushOpened => seam.open(agent, permit.mayFor);
        serveStream(call, open, log, () => calls.delete(call));
      },
    },
    stop: () => {
      for (const call of calls) endWith(call, status.UNAVAILABLE, 'the server is ending');
    },
  };
}

function serveStream(call: Call, open: (agent: string) => PushOpened, log: Log, gone: () => void): void {
  const rate = new TokenBucket(BURST, MAX_PER_SEC);
  let stream: PushStream | undefined;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    clearTimeout(idle);
    stream?.end();
    gone();
  };
  const refuse = (code: status, words: string): void => {
    if (over) return;
    end();
    endWith(call, code, words);
  };
  const idle = setTimeout(() => refuse(status.DEADLINE_EXCEEDED, `no request for ${IDLE_MS / 1000} s`), IDLE_MS);
  idle.unref();

  call.on('data', (wire: Wire) => {
    if (over) return;
    idle.refresh();
    if (!rate.take(performance.now())) {
      refuse(status.RESOURCE_EXHAUSTED, `more than ${MAX_PER_SEC} requests a second`);
      return;
    }
    const unread = refusedMessage(wire);
    if (unread !== undefined) {
      refuse(unread.code, unread.details);
      return;
    }
    const { agent, sequence, push } = decodePush(wire);
    if (stream === undefined) {
      if (agent === '') {
        refuse(status.INVALID_ARGUMENT, 'the first request of a stream names its agent');
        return;
      }
      const opened = open(agent);
      if (!opened.ok) {
        refuse(status.RESOURCE_EXHAUSTED, opened.message);
        return;
      }
      stream = opened.stream;
    }
    try {
      // What an agent does not read is not kept for it: it gets no more answers, and a client that waits for them stops.
      if (!call.writableNeedDrain) call.write(encodeAnswer(stream.take(push), sequence));
    } catch (error) {
      log.error({ err: error, method: 'Push' }, 'admin request failed');
      refuse(status.INTERNAL, 'the server failed to answer; its log says why');
    }
  });
  call.on('end', () => {
    end();
    call.end();
  });
  call.on('cancelled', end);
  call.on('error', end);
  call.on('close', end);
}

function endWith(call: Call, code: status, details: string): void {
  call.emit('error', { code, details });
}
