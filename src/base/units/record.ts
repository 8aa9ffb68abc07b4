/**
 * An empty record for thousands of keys that come from outside. Without a prototype no key finds `Object`'s properties, and V8
 * keeps it as a hash table from the start: `{}` and `Object.fromEntries` describe the first hundred keys as the shape of an
 * object, which takes ten times as long and a megabyte for a thousand endpoints.
 */
export function emptyRecord<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

/** Reads a record whose keys are somebody's words, of policies or nodes: a service called `constructor` must not find Object's. */
export function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
