import { fatalXidWords } from '../topology/index.ts';
import type { EndpointMemory, GpuMemory, XidMemory } from './load-state.ts';

/** A restart so shortly before a code came up may have been the answer to it: exporters look every 30 s. */
const RESTART_MS = 60_000;
/** A window of counts reaches back so far. */
const WINDOW_MS = 300_000;
/** A count that a page lacks for so long is over, where nothing but counts is told. */
const COUNT_GONE_MS = 60_000;
/** What was on its way when the code came up is no proof of life. */
const COMPLETION_PROVES_MS = 3000;
const WORK_PROVES_MS = 10_000;
const BAD_SEC = 2;
const STUCK_SEC = 30;

/** What one page told of the XIDs of a GPU; undefined where it told nothing. */
export type XidReading = { readonly code?: number; readonly recentCode?: number; readonly atMs: number };

/**
 * An XID metric is the last code ever, and may be days old. So a fatal code counts when it comes up; one that was there at
 * the first look, or comes up just after the engine was started anew, is a suspicion (`Suspect`) that the endpoint's own work
 * refutes and its failures confirm ({@link judgeSuspects}). Only 0 takes a fatal code back: others that follow it do not.
 * Silence changes nothing.
 */
export function stepXid(
  before: XidMemory | undefined,
  { code, recentCode, atMs }: XidReading,
  { nowMs, restartedAtMs }: { readonly nowMs: number; readonly restartedAtMs: number | null },
): XidMemory {
  // An old page that comes again; a stored time ahead of now was written before the clock was set back.
  if (before !== undefined && atMs <= before.atMs && before.atMs <= nowMs) return before;
  const old = before ?? { ...NOTHING, atMs, stageAtMs: atMs };
  let next: XidMemory = { ...old, atMs };
  const turn = (stage: XidMemory['stage'], fatalCode: number): void => {
    next = { ...next, stage, fatalCode, stageAtMs: atMs };
  };
  const young = (ms: number): boolean => restartedAtMs !== null && nowMs - restartedAtMs < ms;
  if (code !== undefined && code !== old.code) {
    const fatal = fatalXidWords(code) !== undefined;
    if (code === 0) turn('Clear', 0);
    else if (fatal && next.stage !== 'Fatal') turn(old.code === null || young(RESTART_MS) ? 'Suspect' : 'Fatal', code);
    else if (fatal) next = { ...next, fatalCode: code };
    next = { ...next, code };
  }
  if (recentCode !== undefined && fatalXidWords(recentCode) !== undefined) {
    if (recentCode !== old.recent && next.stage !== 'Fatal') turn(young(WINDOW_MS) ? 'Suspect' : 'Fatal', recentCode);
    next = { ...next, recent: recentCode, recentAtMs: atMs };
  } else if (old.recent !== 0 && atMs - old.recentAtMs > COUNT_GONE_MS) {
    if (next.code === null) turn('Clear', 0);
    next = { ...next, recent: 0 };
  }
  return next;
}

const NOTHING: XidMemory = {
  atMs: 0,
  code: null,
  stage: 'Clear',
  fatalCode: 0,
  stageAtMs: 0,
  recent: 0,
  recentAtMs: 0,
};

/** A restarted engine found its GPU: what was told of it before is history. */
export function dismissed(gpu: GpuMemory): GpuMemory {
  const { xid } = gpu;
  return xid === undefined || xid.stage === 'Clear' ? gpu : { ...gpu, xid: { ...xid, stage: 'Dismissed' } };
}

/** The lost GPU of an endpoint, the longest first; undefined when all are well. */
export function lostGpu({ gpus }: EndpointMemory): (XidMemory & { readonly gpu: string }) | undefined {
  let lost: (XidMemory & { readonly gpu: string }) | undefined;
  for (const { gpu, xid } of gpus) {
    if (xid?.stage === 'Fatal' && (lost === undefined || xid.stageAtMs < lost.stageAtMs)) lost = { ...xid, gpu };
  }
  return lost;
}

/** `XID 79 (the GPU has fallen off the bus) of GPU-4c4f4144`. */
export function faultWords({ fatalCode, gpu }: { readonly fatalCode: number; readonly gpu: string }): string {
  return `${fatalXidWords(fatalCode) ?? `XID ${fatalCode}`}${gpu === '' ? '' : ` of ${gpu}`}`;
}

/** Lets an endpoint's own conduct decide about a code whose age nobody knows. */
export function judgeSuspects(memory: EndpointMemory, done: number, nowMs: number, elapsedSec: number): void {
  let suspects = false;
  for (const { xid } of memory.gpus) if (xid?.stage === 'Suspect') suspects = true;
  if (!suspects) {
    memory.stuckSec = 0;
    return;
  }
  const idleWork = memory.engineWork < 1;
  const stuck = memory.engine !== null && memory.inFlight > 0 && done === 0 && idleWork;
  memory.stuckSec = stuck ? memory.stuckSec + elapsedSec : 0;
  memory.gpus = memory.gpus.map((gpu) => {
    if (gpu.xid?.stage !== 'Suspect') return gpu;
    const forMs = nowMs - gpu.xid.stageAtMs;
    const works = (done > 0 && forMs > COMPLETION_PROVES_MS) || (!idleWork && forMs > WORK_PROVES_MS);
    if (memory.badSec >= BAD_SEC || memory.stuckSec >= STUCK_SEC)
      return { ...gpu, xid: { ...gpu.xid, stage: 'Fatal', stageAtMs: nowMs } };
    return works && memory.badSec === 0 ? { ...gpu, xid: { ...gpu.xid, stage: 'Dismissed' } } : gpu;
  });
}
