import type { ZonesView } from '../observe/index.ts';
import { list, number, numberOrNull, text, type Wire } from './wire-values.ts';

/** ZonesView as loadline.admin.v1.Zones. */
export function encodeZones({ plannedLocalRatio, measuredLocalRatio, zones }: ZonesView): Wire {
  return {
    plannedLocalRatio,
    ...(measuredLocalRatio === null ? {} : { measuredLocalRatio }),
    zones: zones.map(({ localRatio, ...rest }) => ({ ...rest, ...(localRatio === null ? {} : { localRatio }) })),
  };
}

/** loadline.admin.v1.Zones as ZonesView. */
export function decodeZones(wire: Wire): ZonesView {
  return {
    plannedLocalRatio: number(wire.plannedLocalRatio),
    measuredLocalRatio: numberOrNull(wire.measuredLocalRatio),
    zones: list(wire.zones, (zone) => ({
      zone: text(zone.zone),
      demandRatio: number(zone.demandRatio),
      capacityRatio: number(zone.capacityRatio),
      localRatio: numberOrNull(zone.localRatio),
    })),
  };
}
