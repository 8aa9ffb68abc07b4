import { messageToJson } from '../../base/codec/index.ts';
import type { Position } from '../../base/units/index.ts';
import type { Policy } from '../policy/index.ts';
import { AS_SENT, type Resource, renderForValidation, SLOT, TYPE_SHORT, TYPE_URL } from '../resources/index.ts';
import type { EnvoyProblem } from './report.ts';

type Place = Pick<EnvoyProblem, 'resource' | 'position'>;

/**
 * What Envoy says about a configuration, with the resource and the place in the policy that it speaks of. Envoy names no
 * position; but it quotes names, domains and addresses, and most of them belong to one resource and one line.
 */
export function envoyProblem(message: string, resources: readonly Resource[], policy: Policy): EnvoyProblem {
  const numbered = numberedIn(message, resources);
  const places = placesOf(resources, policy);
  const reason = message.slice(Math.max(0, message.lastIndexOf('\n: ')));
  // A dump of everything quotes everything; one of a part quotes the names of the part.
  const dump = message.includes('BootstrapValidationError') ? '' : message;
  for (const word of [...numbered, ...quotedIn(reason), ...quotedIn(dump)]) {
    const place = places.get(word);
    if (place !== undefined) return { message, ...place };
  }
  return { message };
}

/** `StaticResourcesValidationError.Clusters[2]`: the name of the third cluster of what was asked. */
function numberedIn(message: string, resources: readonly Resource[]): readonly string[] {
  const match = /StaticResourcesValidationError\.(Clusters|Listeners)\[(\d+)\]/.exec(message);
  if (match === null) return [];
  const all = renderForValidation(resources).static_resources as Record<string, { readonly name?: string }[]>;
  const name = all[(match[1] as string).toLowerCase()]?.[Number(match[2])]?.name;
  return name === undefined ? [] : [name.replace(AS_SENT, '')];
}

/** Words in quotes and addresses, from the end: the reason comes last, after a dump of the message that it is about. */
function quotedIn(message: string): readonly string[] {
  const quoted =
    /'([^']{1,253})'|"([^"]{1,253})"|\b(\d{1,3}(?:\.\d{1,3}){3}:\d{1,5})\b|(?:domain|cluster) ([^\s'"]\S*)/g;
  return [...message.matchAll(quoted)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? (match[4] as string))
    .reverse();
}

/** What each name may mean. The more particular comes last and wins. */
function placesOf(resources: readonly Resource[], policy: Policy): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const of = (typeUrl: string): readonly Resource[] => resources.filter((resource) => resource.typeUrl === typeUrl);
  for (const typeUrl of [TYPE_URL.extension, TYPE_URL.route, TYPE_URL.listener, TYPE_URL.endpoint, TYPE_URL.cluster]) {
    for (const resource of of(typeUrl as string)) places.set(resource.name, placeOf(resource));
  }
  for (const resource of of(TYPE_URL.listener)) {
    const { address } = messageToJson(resource.typeUrl, resource.bytes) as { address?: SocketAddress };
    const { address: host, port_value: port } = address?.socket_address ?? {};
    places.set(`${host}:${port}`, placeOf(resource));
  }
  for (const { name, hostnames, origin, rateLimits, pools } of policy.services) {
    const cluster = of(TYPE_URL.cluster).find((resource) => resource.name === name);
    if (cluster === undefined) continue;
    for (const hostname of hostnames) places.set(hostname, placeOf(cluster));
    for (const limit of rateLimits) {
      const slot = limit.scope === 'Group' ? SLOT.groupRateLimit : SLOT.sidecarRateLimit;
      places.set(`${name}/${limit.name}`, { resource: { type: 'ecds', name: slot }, position: limit.origin });
    }
    for (const pool of pools) {
      if (pool.endpoints.kind !== 'Static') continue;
      for (const { address, port } of pool.endpoints.endpoints) {
        const place = { resource: { type: 'eds', name }, position: pool.origin };
        places.set(address, place).set(`${address}:${port}`, place);
      }
    }
    places.set(name, { resource: { type: 'cds', name }, position: origin });
  }
  return places;
}

type SocketAddress = { readonly socket_address?: { readonly address?: string; readonly port_value?: number } };

/** A resource with the line of the policy that asks for it. */
export function placeOf({ typeUrl, name, origin }: Resource): Place {
  const resource = { type: TYPE_SHORT[typeUrl] ?? typeUrl, name };
  return origin === undefined ? { resource } : { resource, position: plain(origin) };
}

function plain({ file, line, column }: Position): Position {
  return { file, line, column };
}
