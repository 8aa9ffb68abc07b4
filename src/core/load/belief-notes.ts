import { type Endpoint, fatalXidWords } from '../topology/index.ts';
import type { EndpointLoad } from './endpoint-load.ts';
import { engineIsDoubted } from './engine.ts';
import { faultWords, lostGpu } from './gpu-fault.ts';
import { PINNED_RATIO } from './gpu-sensor.ts';
import type { EndpointMemory } from './load-state.ts';
import { freshOrca } from './orca.ts';
import { knownSlots, UNKNOWN_SLOTS } from './slots.ts';
import { clockIsHeard } from './throttle.ts';

/**
 * What a person should know of a belief beside its numbers: what it comes from, what is held, what is not used. In words, on
 * demand: a tick believes something of a thousand endpoints, and hardly ever is one of them looked at. `atMs` is the tick's.
 */
export function beliefNotes(
  endpoint: Pick<Endpoint, 'maxRunningRequests'>,
  memory: EndpointMemory,
  { engine, slots, foreign, gpuUtilRatio: util }: EndpointLoad,
  atMs: number,
): readonly string[] {
  const notes: string[] = [];
  if (engineIsDoubted(memory)) {
    notes.push('its engine tells of less than half of what the sidecars have there: load reports are believed');
  } else if (engine === 'Stale' && memory.engine !== null) {
    notes.push(`engine metrics are ${((atMs - memory.engine.atMs) / 1000).toFixed(0)} s old: beliefs are held`);
  }
  if (engine !== 'Fresh' && freshOrca(memory, atMs) !== undefined) {
    notes.push('queue and KV usage are means over what its answers said (ORCA)');
  }
  if (foreign > 0) notes.push(`${foreign.toFixed(1)} requests at the engine did not come through the sidecars`);
  if (memory.slotsByQueue !== null && slots < (knownSlots(endpoint, memory) ?? UNKNOWN_SLOTS)) {
    notes.push(`a queue stood while ${memory.slotsByQueue.toFixed(0)} requests ran: taken as its batch limit`);
  }
  if (memory.gpus.some(({ whole }) => !whole)) notes.push('its GPU is shared or partitioned: utilisation is not used');
  else if (util !== undefined && util >= PINNED_RATIO)
    notes.push('GPU utilisation reads full: it cannot tell load apart and is ignored');
  faultNotes(memory, atMs, notes);
  return notes;
}

function faultNotes(memory: EndpointMemory, atMs: number, notes: string[]): void {
  const { throttled, gpus, drainedAtMs } = memory;
  if (throttled !== null) {
    const much = `its GPU is throttled by heat or power ${(throttled.ratio * 100).toFixed(0)} % of the time`;
    if (throttled.log < 0)
      notes.push(`${much}: derated by ${(-Math.expm1(throttled.log) * 100).toFixed(0)} % until it ends`);
    else if (clockIsHeard(gpus, atMs)) notes.push(`${much}: its SM clock says how much that costs`);
    else notes.push(much);
  }
  const lost = lostGpu(memory);
  if (lost !== undefined && drainedAtMs === null)
    notes.push(`its GPU reported ${faultWords(lost)}: not drained, since its pool keeps half, or the policy says so`);
  for (const { xid } of gpus) {
    if (xid === undefined) continue;
    const words = fatalXidWords(xid.fatalCode);
    if (xid.stage === 'Suspect')
      notes.push(`its GPU tells of ${words} at an unknown time: its work decides whether that counts`);
    else if (xid.stage === 'Dismissed')
      notes.push(`its GPU tells of ${words}: ignored, since the server has worked or started anew after it`);
  }
}
