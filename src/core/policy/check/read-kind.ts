import type { Issue } from '../../../base/units/index.ts';
import { ACCESS_KIND } from '../access/schema.ts';
import { API_VERSION } from '../schema/document.ts';
import { modelService } from '../schema/model-service.ts';
import { sidecarGroup } from '../schema/sidecar-group.ts';
import { trafficClasses } from '../schema/traffic-classes.ts';
import { nearest } from '../text/nearest.ts';
import { printable, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';

export type Kind = 'SidecarGroup' | 'ModelService' | 'TrafficClasses';

export const KINDS: readonly Kind[] = ['SidecarGroup', 'ModelService', 'TrafficClasses'];

const ACCESS_HINT = 'it is a file of its own, for loadline serve --access';

export const SCHEMAS: {
  readonly SidecarGroup: typeof sidecarGroup;
  readonly ModelService: typeof modelService;
  readonly TrafficClasses: typeof trafficClasses;
} = { SidecarGroup: sidecarGroup, ModelService: modelService, TrafficClasses: trafficClasses };

/** The kind decides which schema speaks, so it is read before any schema. */
export function readKind(document: PolicyDocument): Kind | Issue {
  const phrase = `one of ${KINDS.join(', ')}`;
  if (typeof document.value !== 'object' || document.value === null || Array.isArray(document.value)) {
    const got = document.written([]);
    const hint = `a document starts with apiVersion: ${API_VERSION} and kind: ModelService`;
    return document.issue('POLICY_TYPE', [], `expected a mapping, got ${got}`, hint);
  }
  const value = valueAt(document.value, ['kind']);
  const kind = KINDS.find((known) => known === value);
  if (kind !== undefined) return kind;
  if (value === undefined) return document.issue('POLICY_MISSING', ['kind'], `missing; expected ${phrase}`);
  const near = typeof value === 'string' ? nearest(value, KINDS) : undefined;
  const code = typeof value === 'string' ? 'POLICY_VALUE' : 'POLICY_TYPE';
  const got = printable(document.written(['kind']), 60);
  const hint = value === ACCESS_KIND ? ACCESS_HINT : near === undefined ? undefined : `did you mean ${near}?`;
  return document.issue(code, ['kind'], `expected ${phrase}, got ${got}`, hint);
}
