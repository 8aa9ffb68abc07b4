import type { Issue } from '../../../base/units/index.ts';
import { type Path, select, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import type { Kind } from './read-kind.ts';

/** An exporter's port is computed (endpoint's port + offset), so it can fall out of range although both are in theirs. */
export function exporterPortsIn(document: PolicyDocument, kind: Kind): Issue[] {
  if (kind !== 'ModelService') return [];
  const issues: Issue[] = [];
  const shared: Path = ['spec', 'signals', 'gpu'];
  let sharedReported = false;
  for (const { path, value: pool } of select(document.value, ['spec', 'pools', '*'])) {
    const own = valueAt(pool, ['signals', 'gpu']) !== undefined;
    if (!own && sharedReported) continue;
    const at = [...(own ? [...path, 'signals', 'gpu'] : shared), 'exporter', 'portOffset'];
    const offset = valueAt(document.value, at);
    if (typeof offset !== 'number') continue;
    const bad = select(pool, ['endpoints', 'static', '*', 'port']).find(
      ({ value: port }) => typeof port === 'number' && isPort(port) && !isPort(port + offset),
    );
    if (bad === undefined) continue;
    sharedReported ||= !own;
    const message = `expected an offset that leads to ports 1..65535, got ${bad.value} + ${offset}`;
    issues.push(document.issue('POLICY_VALUE', at, message));
  }
  return issues;
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}
