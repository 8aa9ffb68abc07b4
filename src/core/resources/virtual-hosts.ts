import type { ModelService } from '../policy/index.ts';
import { compareText } from './group-services.ts';
import { byParticularity } from './route-match.ts';

export type VirtualHost = {
  readonly name: string;
  /** Sorted; no domain is in two virtual hosts, which Envoy would refuse. */
  readonly domains: readonly string[];
  /** Closest match first. */
  readonly services: readonly ModelService[];
};

/**
 * Envoy picks the virtual host by hostname alone and then looks only at its routes. So hostnames are grouped by the set
 * of services behind them: each set is one virtual host.
 */
export function virtualHosts(services: readonly ModelService[]): readonly VirtualHost[] {
  const byHostname = new Map<string, ModelService[]>();
  for (const service of services) {
    for (const hostname of new Set(service.hostnames.map((name) => name.toLowerCase()))) {
      const behind = byHostname.get(hostname) ?? [];
      behind.push(service);
      byHostname.set(hostname, behind);
    }
  }
  const hosts = new Map<string, { domains: string[]; services: readonly ModelService[] }>();
  for (const [hostname, behind] of byHostname) {
    const sorted = behind.sort(byParticularity);
    const name = sorted.map((service) => service.name).join('+');
    const host = hosts.get(name) ?? { domains: [], services: sorted };
    host.domains.push(hostname);
    hosts.set(name, host);
  }
  return [...hosts]
    .map(([name, host]) => ({ name, domains: host.domains.sort(compareText), services: host.services }))
    .sort((a, b) => compareText(a.name, b.name));
}
