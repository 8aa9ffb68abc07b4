import type { ZonesView } from '../edge/observe/index.ts';

/** What becomes of the requests of each zone, a line each, for people. */
export function zoneLines({ plannedLocalRatio, measuredLocalRatio, zones }: ZonesView): readonly string[] {
  const measured = measuredLocalRatio === null ? '' : `, ${percent(measuredLocalRatio)} did of late`;
  return [
    `prefers the same zone: ${percent(plannedLocalRatio)} of the requests are to stay in theirs${measured}`,
    ...zones.map(({ zone, demandRatio, capacityRatio, localRatio }) => {
      const name = zone === '' ? 'no zone' : `zone ${zone}`;
      const stays = localRatio === null ? 'it has no sidecars' : `${percent(localRatio)} of its own stay`;
      return `  ${name}: sends ${percent(demandRatio)}, its servers are to have ${percent(capacityRatio)}; ${stays}`;
    }),
  ];
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
