import type { Issue } from '../../../base/units/index.ts';
import { select, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import type { Kind } from './read-kind.ts';

const HINT = 'port: the one on which these servers answer in plaintext';

/**
 * The files of `upstream.tls` are on the sidecars' machines, so Loadline cannot speak TLS to a server as they do: it would
 * take every one of them for cold.
 */
export function keepWarmIn(document: PolicyDocument, kind: Kind): Issue[] {
  if (kind !== 'ModelService') return [];
  const shared = valueAt(document.value, ['spec', 'upstream', 'tls']) !== undefined;
  return select(document.value, ['spec', 'pools', '*', 'keepWarm']).flatMap(({ path, value }) => {
    const pool = path.slice(0, -1);
    const isTls = shared || valueAt(document.value, [...pool, 'upstream', 'tls']) !== undefined;
    if (!isTls || typeof value !== 'object' || value === null || 'port' in value) return [];
    return [
      document.issue('POLICY_VALUE', path, 'expected a port: the servers of this pool speak TLS on their own', HINT),
    ];
  });
}
