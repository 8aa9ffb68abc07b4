import { among, type ServiceLoad } from '../load/index.ts';
import type { ModelService } from '../policy/index.ts';
import type { Endpoint } from '../topology/index.ts';
import { MAX_RATIO, type Saturation, saturationOf } from './saturation.ts';

/**
 * How full the other servers of a service would be if its cloud took every Spot machine back at once, with what is in flight now: above
 * 1 there is no reserve for that. Machines of one type and zone are called back together, so this is what to plan for.
 *
 * @param endpoints in the order of the beliefs
 * @returns undefined for a service without a pool of `capacityType: Spot`
 */
export function saturationWithoutSpot(
  { pools }: Pick<ModelService, 'pools'>,
  load: ServiceLoad,
  endpoints: readonly Endpoint[],
): Saturation | undefined {
  const spot = new Set(pools.flatMap(({ name, capacityType }) => (capacityType === 'Spot' ? [name] : [])));
  if (spot.size === 0) return undefined;
  const all = saturationOf(load, endpoints);
  if (all.kind === 'Unknown') return all;
  const stay = among({ load, endpoints }, ({ pool }) => !spot.has(pool));
  const rest = saturationOf(stay.load, stay.endpoints);
  if (rest.kind === 'Unknown') return { kind: 'Unknown', words: `without Spot ${rest.words}` };
  const inFlight = all.ratio * all.slots;
  return {
    kind: 'Known',
    ratio: Math.min(MAX_RATIO, inFlight / rest.slots),
    slots: rest.slots,
    words: `${Math.round(inFlight)} in flight for ${Math.round(rest.slots)} slots of the servers that would stay`,
  };
}
