import type { Policy } from '../../../src/core/policy/index.ts';
import { loaded } from '../policy/load.ts';
import { Fleet, fleetText } from './fleet.ts';

/** Four servers, two of them in each of the zones `a` and `b`. */
function zonedPolicy(preferring: boolean): Policy {
  const lines = preferring ? '  loadBalancer: { trafficDistribution: PreferSameZone }\n' : '';
  const zoneOf = (server: string): string => (Number(server) <= 2 ? 'a' : 'b');
  return loaded(
    fleetText({ servers: 4, lines }).replace(
      /10\.0\.0\.(\d), port: 8000/g,
      (found, server: string) => `${found}, zone: ${zoneOf(server)}`,
    ),
  );
}

/** Its sidecars `a` and `b` send alike. `zones`: where they say that they are. */
export function zonedFleet(zones: Readonly<Record<string, string>> = { a: 'a', b: 'b' }, preferring = true): Fleet {
  const fleet = new Fleet(zonedPolicy(preferring), [30, 30, 30, 30]);
  const presence = fleet.connected().map((one) => {
    const zone = zones[one.nodeId];
    return zone === undefined ? one : { ...one, zone };
  });
  fleet.tick({ presence });
  return fleet;
}
