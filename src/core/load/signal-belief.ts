import type { EndpointLoad, ServiceLoad } from './endpoint-load.ts';
import { engineIsDoubted } from './engine.ts';
import { lostGpu } from './gpu-fault.ts';
import { PINNED_RATIO } from './gpu-sensor.ts';
import type { EndpointMemory, LoadState } from './load-state.ts';
import { clockIsHeard } from './throttle.ts';

export const SIGNALS = ['engine', 'kv', 'gpu', 'clock', 'throttle', 'xid', 'reports'] as const;
export type Signal = (typeof SIGNALS)[number];

/**
 * `Fresh` may move beliefs, `Stale` is too old to, `Absent` was never there. `Conflict` says what cannot be, or what another
 * source contradicts: the last good value stands, or the other source. `Ignored` is heard and has no say.
 */
export type SignalState = 'Fresh' | 'Stale' | 'Absent' | 'Conflict' | 'Ignored';

export type SignalBelief = {
  readonly signal: Signal;
  readonly state: SignalState;
  /** In words, with `Conflict` and `Ignored`. */
  readonly why?: string;
};

/** GPU pages come each second; a few may be missed. */
const GPU_STALE_MS = 5000;
const FAULT_STALE_MS = 60_000;
const IDLE_FULL_SEC = 30;

/** What is made of each signal of one endpoint. For people, on demand: the law itself does not ask. */
export function signalBeliefs(
  memory: EndpointMemory,
  load: EndpointLoad,
  { loadReports }: Pick<ServiceLoad, 'loadReports'>,
  state: Pick<LoadState, 'cluster'>,
  nowMs: number,
): readonly SignalBelief[] {
  return [
    engineBelief(memory, load),
    kvBelief(memory, load),
    gpuBelief(memory, load, state, nowMs),
    clockBelief(memory, nowMs),
    throttleBelief(memory, nowMs),
    xidBelief(memory, nowMs),
    { signal: 'reports', state: loadReports === 'Fresh' ? 'Fresh' : state.cluster.sidecars > 0 ? 'Stale' : 'Absent' },
  ];
}

/** Whether a signal of the endpoint is in conflict now; what `signalBeliefs` says, without the words. */
export function conflictsOf(memory: EndpointMemory): readonly Signal[] {
  const found: Signal[] = [];
  if (engineIsDoubted(memory)) found.push('engine');
  if (memory.kvConflict != null) found.push('kv');
  if (gpuConflict(memory) !== undefined) found.push('gpu');
  return found;
}

/** What a conflict of a signal is, in words; undefined when there is none. */
export function conflictWords(memory: EndpointMemory, signal: Signal): string | undefined {
  switch (signal) {
    case 'engine':
      return engineIsDoubted(memory)
        ? `tells of ${(memory.engine?.running ?? 0) + (memory.engine?.waiting ?? 0)} requests where the sidecars have ${memory.inFlight.toFixed(0)}: load reports are believed`
        : undefined;
    case 'kv':
      return memory.kvConflict == null
        ? undefined
        : `reads ${percent(memory.kvConflict.value)}, which cannot be: the last good value stands, and ages`;
    case 'gpu':
      return gpuConflict(memory);
    default:
      return undefined;
  }
}

function gpuConflict({ gpus, util }: EndpointMemory): string | undefined {
  for (const { utilConflict } of gpus) {
    if (utilConflict !== undefined)
      return `reads ${percent(utilConflict.value)}, which cannot be: the last good value stands, and ages`;
  }
  if ((util?.idleFullSec ?? 0) >= IDLE_FULL_SEC) return 'reads full while the engine has nothing to do';
  return undefined;
}

function engineBelief(memory: EndpointMemory, { engine }: EndpointLoad): SignalBelief {
  const why = conflictWords(memory, 'engine');
  return why === undefined ? { signal: 'engine', state: engine } : { signal: 'engine', state: 'Conflict', why };
}

function kvBelief(memory: EndpointMemory, { engine }: EndpointLoad): SignalBelief {
  const why = conflictWords(memory, 'kv');
  if (why !== undefined) return { signal: 'kv', state: 'Conflict', why };
  return { signal: 'kv', state: memory.engine?.kvUsageRatio == null ? 'Absent' : engine };
}

function gpuBelief(
  memory: EndpointMemory,
  load: EndpointLoad,
  { cluster }: Pick<LoadState, 'cluster'>,
  nowMs: number,
): SignalBelief {
  const signal = 'gpu';
  const why = gpuConflict(memory);
  if (why !== undefined) return { signal, state: 'Conflict', why };
  const newestMs = Math.max(0, ...memory.gpus.map(({ utilRatio, utilAtMs }) => (utilRatio === null ? 0 : utilAtMs)));
  if (newestMs === 0) return { signal, state: 'Absent' };
  if (nowMs - newestMs > GPU_STALE_MS) return { signal, state: 'Stale' };
  const ignored = (words: string): SignalBelief => ({ signal, state: 'Ignored', why: words });
  if (memory.gpus.some(({ whole }) => !whole)) return ignored('its device is shared or partitioned');
  if ((memory.util?.util20 ?? 0) >= PINNED_RATIO) return ignored('pinned: it reads full at any load');
  if (load.engine === 'Fresh') return ignored('not needed while its engine is heard');
  if (nowMs < cluster.gpuGate.offUntilMs) return ignored('switched off: devices of this service under-report');
  if (nowMs < cluster.gpuGate.closedUntilMs) return ignored('pinned: a reading of this service repeats itself');
  if (!cluster.gpuGate.open) return ignored('it has not been seen to follow the load');
  return { signal, state: 'Fresh' };
}

function clockBelief({ gpus }: EndpointMemory, nowMs: number): SignalBelief {
  const signal = 'clock';
  if (gpus.every(({ clockHertz }) => clockHertz === null)) return { signal, state: 'Absent' };
  if (!clockIsHeard(gpus, nowMs)) return { signal, state: 'Stale' };
  return gpus.some(({ whole }) => !whole)
    ? { signal, state: 'Ignored', why: 'its device is shared or partitioned' }
    : { signal, state: 'Fresh' };
}

function throttleBelief({ gpus }: EndpointMemory, nowMs: number): SignalBelief {
  const signal = 'throttle';
  const newestMs = Math.max(0, ...gpus.map(({ throttle }) => throttle?.atMs ?? 0));
  if (newestMs === 0) return { signal, state: 'Absent' };
  if (nowMs - newestMs > FAULT_STALE_MS) return { signal, state: 'Stale' };
  return clockIsHeard(gpus, nowMs)
    ? { signal, state: 'Ignored', why: 'the SM clock says how much is lost' }
    : { signal, state: 'Fresh' };
}

function xidBelief(memory: EndpointMemory, nowMs: number): SignalBelief {
  const signal = 'xid';
  const newestMs = Math.max(0, ...memory.gpus.map(({ xid }) => xid?.atMs ?? 0));
  if (newestMs === 0) return { signal, state: 'Absent' };
  if (nowMs - newestMs > FAULT_STALE_MS) return { signal, state: 'Stale' };
  if (lostGpu(memory) === undefined) {
    if (memory.gpus.some(({ xid }) => xid?.stage === 'Suspect'))
      return { signal, state: 'Ignored', why: 'a fatal code of unknown age: its work decides' };
    if (memory.gpus.some(({ xid }) => xid?.stage === 'Dismissed'))
      return { signal, state: 'Ignored', why: 'a fatal code after which it has worked or started anew' };
  }
  return { signal, state: 'Fresh' };
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(0)} %`;
}
