import { own } from '../../base/units/index.ts';
import { beliefNotes, type ServiceLoad } from '../load/index.ts';
import type { EndpointId } from '../topology/index.ts';
import { warmthWords } from '../warmth/index.ts';
import type { ControlState } from './tick.ts';

/** What to know of the beliefs about each endpoint of a service at the last tick, in words. */
export function endpointNotes(
  { load, plan, warmth }: ControlState,
  { service, endpoints }: ServiceLoad,
): ReadonlyMap<EndpointId, readonly string[]> {
  const state = own(load, service);
  const members = new Map(own(plan?.endpoints, service)?.map((one) => [one.id, one]));
  const notes = new Map<EndpointId, readonly string[]>();
  for (const one of endpoints) {
    const [member, memory] = [members.get(one.id), state?.endpoints[one.id]];
    if (state === undefined || member === undefined || memory === undefined) continue;
    const warm = own(own(warmth ?? {}, service) ?? {}, one.id);
    const said = beliefNotes(member, memory, one, state.atMs);
    notes.set(one.id, warm === undefined ? said : [...said, warmthWords(warm)]);
  }
  return notes;
}
