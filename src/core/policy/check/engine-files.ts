import type { Issue } from '../../../base/units/index.ts';
import { canonicalAddress } from '../schema/ip-address.ts';
import { type Path, printable, select, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import type { Kind } from './read-kind.ts';

const SHARED: Path = ['spec', 'signals', 'engine'];
/** Longer ones are refused by the schema, and filling them in for each endpoint would cost a lot. */
const MAX_PATTERN = 1024;
const HINT = 'put {address} and {port} in it: the page of an engine does not say whose it is';

/**
 * A page of an engine speaks for one endpoint, so two endpoints of a service must not be given the same file. (GPU files
 * may be shared: their labels tell.)
 */
export function engineFilesIn(document: PolicyDocument, kind: Kind): Issue[] {
  if (kind !== 'ModelService') return [];
  const issues = new Map<string, Issue>();
  const readers = new Map<string, string>();
  for (const { path, value: pool } of select(document.value, ['spec', 'pools', '*'])) {
    const own = valueAt(pool, ['signals', 'engine']) !== undefined;
    const at = [...(own ? [...path, 'signals', 'engine'] : SHARED), 'file', 'path'];
    const pattern = valueAt(document.value, at);
    if (typeof pattern !== 'string' || pattern.length > MAX_PATTERN) continue;
    const message = sharedFile(pattern, pool, readers);
    const key = JSON.stringify(at);
    if (message !== undefined && !issues.has(key)) {
      issues.set(key, document.issue('POLICY_VALUE', at, message, HINT));
    }
  }
  return [...issues.values()];
}

/** What is wrong with the pattern for the endpoints of a pool; `readers` knows who reads each file so far. */
function sharedFile(pattern: string, pool: unknown, readers: Map<string, string>): string | undefined {
  const found = ['dns', 'kubernetes'].find((source) => valueAt(pool, ['endpoints', source]) !== undefined);
  if (found !== undefined && !pattern.includes('{address}')) {
    return `expected {address} in the path, by which endpoints of ${found} differ, got ${printable(pattern, 60)}`;
  }
  for (const { value } of select(pool, ['endpoints', 'static', '*'])) {
    const [given, port] = [valueAt(value, ['address']), valueAt(value, ['port'])];
    if (typeof given !== 'string' || typeof port !== 'number') continue;
    const address = canonicalAddress(given) ?? given;
    const file = pattern.replaceAll('{address}', address).replaceAll('{port}', String(port));
    const reader = `${address} port ${port}`;
    const other = readers.get(file) ?? reader;
    if (other !== reader) {
      return `expected a file of its own for each endpoint, got ${printable(file, 60)} for ${other} and ${reader}`;
    }
    readers.set(file, reader);
  }
  return undefined;
}
