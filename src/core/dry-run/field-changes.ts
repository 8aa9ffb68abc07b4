import type { JsonObject, JsonValue } from '../../base/codec/index.ts';
import { bounded } from './bounded.ts';
import type { Bounded, FieldChange } from './report.ts';

const MAX_FIELDS = 20;
/** Larger values are told as how large they are. */
const MAX_VALUE_CHARS = 400;

/** Which fields of two messages differ, in ProtoJSON. A field that is there on one side only is told as a whole. */
export function fieldChanges(before: JsonObject, after: JsonObject): Bounded<FieldChange> {
  const changes: FieldChange[] = [];
  const visit = (old: JsonValue | undefined, now: JsonValue | undefined, path: string): void => {
    if (isObject(old) && isObject(now)) {
      for (const key of new Set([...Object.keys(now), ...Object.keys(old)])) {
        visit(old[key], now[key], path === '' ? key : `${path}.${key}`);
      }
    } else if (Array.isArray(old) && Array.isArray(now)) {
      const was = byName(old);
      const is = byName(now);
      for (const name of new Set([...is.keys(), ...was.keys()])) visit(was.get(name), is.get(name), `${path}[${name}]`);
    } else if (JSON.stringify(old) !== JSON.stringify(now)) {
      changes.push({
        path,
        ...(old === undefined ? {} : { before: shortened(old) }),
        ...(now === undefined ? {} : { after: shortened(now) }),
      });
    }
  };
  visit(before, after, '');
  return bounded(changes, MAX_FIELDS);
}

/** Elements by what tells them apart (see {@link nameOf}), else by their place. A name that comes twice is no name. */
function byName(items: readonly JsonValue[]): ReadonlyMap<string, JsonValue> {
  const names = items.map(nameOf);
  const unique = new Set(names).size === names.length && !names.includes(undefined);
  return new Map(items.map((item, index) => [unique ? (names[index] as string) : String(index), item]));
}

/** The names of routes, hosts, clusters and filters; the address of an endpoint, the zone of its locality; a plain value. */
function nameOf(item: JsonValue): string | undefined {
  if (typeof item === 'string') return item;
  if (!isObject(item)) return undefined;
  if (typeof item.name === 'string') return item.name;
  const address = at(item, ['endpoint', 'address', 'socket_address']);
  if (isObject(address)) return `${address.address}:${address.port_value}`;
  const pipe = at(item, ['endpoint', 'address', 'pipe', 'path']);
  if (typeof pipe === 'string') return pipe;
  if ('lb_endpoints' in item) return `zone ${String(at(item, ['locality', 'zone']) ?? '')}`.trim();
  return undefined;
}

function at(value: JsonValue, path: readonly string[]): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const key of path) found = isObject(found) ? found[key] : undefined;
  return found;
}

function shortened(value: JsonValue): JsonValue {
  const text = JSON.stringify(value);
  return text.length <= MAX_VALUE_CHARS ? value : `${text.slice(0, MAX_VALUE_CHARS)}… (${text.length} characters)`;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
