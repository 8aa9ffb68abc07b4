import type { Issue } from '../../../base/units/index.ts';
import { MAX_ISSUES } from '../issue/text-order.ts';
import { nearest } from '../text/nearest.ts';
import { type Path, printable, select, valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import type { Catalogue, Entry } from './catalogue.ts';

/** Names that point to something: services, pools, classes. */
export function referencesIn(entry: Entry, catalogue: Catalogue): Issue[] {
  if (entry.kind === 'SidecarGroup') return groupReferences(entry.document, catalogue);
  if (entry.kind === 'ModelService') {
    return [...poolReferences(entry.document), ...classReferences(entry.document, catalogue)];
  }
  return [];
}

function groupReferences(document: PolicyDocument, catalogue: Catalogue): Issue[] {
  const issues: Issue[] = [];
  const services = catalogue.names('ModelService');
  if (catalogue.complete) {
    issues.push(...unknownNames(document, ['spec', 'modelServices', '*'], 'the name of a ModelService', services));
    const uses = ['spec', 'trafficClasses', 'use'];
    issues.push(...unknownNames(document, uses, 'the name of a TrafficClasses', catalogue.names('TrafficClasses')));
  }
  const use = valueAt(document.value, ['spec', 'trafficClasses', 'use']);
  const classes = typeof use === 'string' ? catalogue.find('TrafficClasses', use) : undefined;
  if (classes !== undefined) {
    const allow = ['spec', 'trafficClasses', 'allow', '*'];
    issues.push(...unknownNames(document, allow, `a class of TrafficClasses ${use}`, classNames([classes])));
  }
  const allowed = strings(document, ['spec', 'trafficClasses', 'allow', '*']);
  if (allowed.length > 0) {
    issues.push(
      ...unknownNames(document, ['spec', 'trafficClasses', 'default'], 'one of the allowed classes', allowed),
    );
  }
  return issues;
}

function poolReferences(document: PolicyDocument): Issue[] {
  const pools = strings(document, ['spec', 'pools', '*', 'name']);
  const phrase = 'a pool of this service';
  const weights = valueAt(document.value, ['spec', 'split', 'weights']);
  const issues = [
    ...unknownNames(document, ['spec', 'split', 'tiers', '*', '*'], phrase, pools),
    ...unknownNames(document, ['spec', 'overload', 'actions', '*', 'degrade', 'toPool'], phrase, pools),
    ...unknownKeys(document, ['spec', 'split', 'weights'], weights, phrase, pools),
  ];
  const spared = select(document.value, ['spec', 'overload', 'actions', '*', 'degrade', 'toPool']);
  const [first] = spared;
  if (first !== undefined && pools.every((pool) => spared.some(({ value }) => value === pool))) {
    const message = `expected a pool that leaves another to be relieved, got ${document.written(first.path)}`;
    issues.push(document.issue('POLICY_REFERENCE', first.path, message));
  }
  const tiers = valueAt(document.value, ['spec', 'split', 'tiers']);
  if (Array.isArray(tiers)) {
    const placed = new Set(strings(document, ['spec', 'split', 'tiers', '*', '*']));
    const left = pools.filter((pool) => !placed.has(pool));
    if (left.length > 0 && placed.size > 0) {
      const message = `expected every pool in one tier, got none with ${printable(left.join(', '), 120)}`;
      issues.push(document.issue('POLICY_REFERENCE', ['spec', 'split', 'tiers'], message));
    }
    issues.push(...otherModels(document));
  }
  return issues;
}

/** A failover that nobody asked for in this moment must not change the model that answers. */
function otherModels(document: PolicyDocument): Issue[] {
  const revisions = select(document.value, ['spec', 'pools', '*']).map(({ path, value }) => ({
    path,
    revision: (value as { modelRevision?: unknown } | null)?.modelRevision,
  }));
  const [first, ...others] = revisions;
  return others
    .filter(({ revision }) => revision !== first?.revision)
    .slice(0, MAX_ISSUES + 1)
    .map(({ path }) => {
      const at = [...path, 'modelRevision'];
      const written = valueAt(document.value, at) === undefined ? 'nothing' : document.written(at);
      const expected =
        first?.revision === undefined ? 'no modelRevision' : `modelRevision ${printable(String(first.revision), 40)}`;
      const message = `expected ${expected} as in the first pool, because tiers fail over between them, got ${written}`;
      return document.issue('POLICY_REFERENCE', valueAt(document.value, at) === undefined ? path : at, message);
    });
}

function classReferences(document: PolicyDocument, catalogue: Catalogue): Issue[] {
  if (!catalogue.complete) return [];
  const classes = classNames(catalogue.entries.filter(({ kind }) => kind === 'TrafficClasses'));
  const phrase = 'a class of some TrafficClasses';
  const maxWait = ['spec', 'admissionQueue', 'maxWait'];
  return [
    ...unknownNames(document, ['spec', 'rateLimits', '*', 'class'], phrase, classes),
    ...unknownNames(document, ['spec', 'classes', '*', 'class'], phrase, classes),
    ...unknownNames(document, ['spec', 'overload', 'actions', '*', 'shed', 'class'], phrase, classes),
    ...unknownNames(document, ['spec', 'overload', 'actions', '*', 'degrade', 'class'], phrase, classes),
    ...unknownKeys(document, maxWait, valueAt(document.value, maxWait), phrase, classes),
  ];
}

function classNames(entries: readonly Entry[]): readonly string[] {
  return entries.flatMap(({ document }) => strings(document, ['spec', 'classes', '*', 'name']));
}

export function strings(document: PolicyDocument, pattern: readonly string[]): readonly string[] {
  return select(document.value, pattern).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
}

/** Values that name something which there is not. */
export function unknownNames(
  document: PolicyDocument,
  pattern: readonly string[],
  phrase: string,
  known: readonly string[],
): Issue[] {
  const names = new Set(known);
  const found = select(document.value, pattern).filter(({ value }) => typeof value === 'string' && !names.has(value));
  return found.slice(0, MAX_ISSUES + 1).map(({ path, value }) => {
    const message = `expected ${phrase}, got ${document.written(path)}`;
    return document.issue('POLICY_REFERENCE', path, message, knownHint(String(value), known));
  });
}

function unknownKeys(
  document: PolicyDocument,
  path: Path,
  mapping: unknown,
  phrase: string,
  known: readonly string[],
): Issue[] {
  if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping)) return [];
  const names = new Set(known);
  const found = Object.keys(mapping).filter((key) => !names.has(key));
  return found.slice(0, MAX_ISSUES + 1).map((key) => {
    const message = `expected ${phrase}, got ${printable(key, 40)}`;
    return document.keyIssue('POLICY_REFERENCE', [...path, key], message, knownHint(key, known));
  });
}

function knownHint(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  if (near !== undefined) return `did you mean ${near}?`;
  if (known.length === 0) return 'there is none';
  return `known: ${known.slice(0, 10).join(', ')}${known.length > 10 ? ', …' : ''}`;
}
