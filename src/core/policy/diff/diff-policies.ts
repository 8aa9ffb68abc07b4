import { type Position, scrubText } from '../../../base/units/index.ts';
import { nameOf } from '../check/catalogue.ts';
import { type Kind, readKind } from '../check/read-kind.ts';
import type { Policy } from '../policy.ts';
import { formatPath, printable } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import { type PolicyFile, readFile } from '../text/read-file.ts';
import { type Difference, differences, type Identity } from './difference.ts';
import { type Written, writtenClasses, writtenGroup, writtenService } from './written.ts';

/** A policy as it was loaded, with the texts that it came from: they say where a value stands. */
export type PolicyVersion = { readonly policy: Policy; readonly files: readonly PolicyFile[] };

export type ChangeKind = 'Added' | 'Removed' | 'Changed';

/** One difference of two policies. The order of keys and documents is none; a default that is written out is none either. */
export type PolicyChange = {
  readonly change: ChangeKind;
  readonly kind: Kind;
  readonly name: string;
  /** `spec.pools[gpu].endpoints.static[10.0.0.1:8000].capacity`; '' for the whole document. Elements are told by their name. */
  readonly path: string;
  /** As one would write it in the policy; absent where there was nothing. */
  readonly before?: string;
  readonly after?: string;
  /** In the new text; of what was removed, in the old one. */
  readonly position?: Position;
};

const MAX_VALUE_CHARS = 200;

/** What is taken as it stands in the text, at least in part, because it is no part of the normal form. */
const AS_IN_TEXT = /^spec\.(?:admissionQueue|overload\.actions)\b/;

/** By what the elements of each list are told apart. */
const IDENTITIES: Readonly<Record<Kind, Readonly<Record<string, Identity>>>> = {
  SidecarGroup: {
    identities: 'Value',
    listeners: ['name'],
    modelServices: 'Value',
    'trafficClasses.allow': 'Value',
    'rollout.haltOn': 'Value',
    'rollout.nodes': 'Value',
  },
  TrafficClasses: { classes: ['name'] },
  ModelService: {
    hostnames: 'Value',
    pools: ['name'],
    'pools.*.endpoints.static': ['address', 'port'],
    rateLimits: ['name'],
    'retry.retryOn': 'Value',
    'retry.retriableStatusCodes': 'Value',
  },
};

/**
 * What one policy says that the other does not, document by document: groups, classes, services, each by name.
 *
 * @param before undefined: there was none, and all of `after` is new
 */
export function diffPolicies(before: PolicyVersion | undefined, after: PolicyVersion): readonly PolicyChange[] {
  const steps = diffPoliciesInTurns(before, after);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** As {@link diffPolicies}, with a pause after each text: reading those of a thousand endpoints takes a quarter of a second. */
export function* diffPoliciesInTurns(
  before: PolicyVersion | undefined,
  after: PolicyVersion,
): Generator<undefined, readonly PolicyChange[]> {
  const old = before === undefined ? new Map<string, Entry>() : yield* entriesOf(before);
  const now = yield* entriesOf(after);
  const sameMeaning = before?.policy.revision === after.policy.revision;
  const found: PolicyChange[] = [];
  for (const id of [...new Set([...now.keys(), ...old.keys()])].sort()) {
    const changes = diffEntry(old.get(id), now.get(id));
    // What moved between a service and its pools without another meaning is no change; what is not enforced has no meaning yet.
    found.push(...(sameMeaning ? changes.filter(({ path }) => AS_IN_TEXT.test(path)) : changes));
    yield;
  }
  return found;
}

type Entry = {
  readonly kind: Kind;
  readonly name: string;
  readonly document: PolicyDocument;
  readonly spec: Written;
};

function* entriesOf({ policy, files }: PolicyVersion): Generator<undefined, ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  for (const file of files) {
    for (const document of readFile(file).documents) {
      const kind = readKind(document);
      const name = nameOf(document);
      if (typeof kind !== 'string' || name === undefined) continue;
      const spec = written(policy, kind, name, document);
      if (spec !== undefined) entries.set(`${kind}/${name}`, { kind, name, document, spec });
    }
    yield;
  }
  return entries;
}

function written(policy: Policy, kind: Kind, name: string, document: PolicyDocument): Written | undefined {
  const of = <T extends { readonly name: string }>(items: readonly T[]): T | undefined =>
    items.find((item) => item.name === name);
  if (kind === 'SidecarGroup') {
    const group = of(policy.groups);
    return group && writtenGroup(group, document);
  }
  if (kind === 'TrafficClasses') {
    const classes = of(policy.trafficClasses);
    return classes && writtenClasses(classes);
  }
  const service = of(policy.services);
  return service && writtenService(service, document);
}

function diffEntry(old: Entry | undefined, now: Entry | undefined): readonly PolicyChange[] {
  const entry = now ?? old;
  if (entry === undefined) return [];
  const { kind, name, document } = entry;
  if (old === undefined || now === undefined) {
    return [{ change: now === undefined ? 'Removed' : 'Added', kind, name, path: '', position: document.position([]) }];
  }
  return differences(old.spec, now.spec, IDENTITIES[kind]).map((difference) => {
    const { before, after } = difference;
    return {
      change: before === undefined ? 'Added' : after === undefined ? 'Removed' : 'Changed',
      kind,
      name,
      path: pathText(difference.path),
      ...(before === undefined ? {} : { before: inWords(before) }),
      ...(after === undefined ? {} : { after: inWords(after) }),
      position: place(difference, old.document, now.document),
    };
  });
}

/** A default has no place of its own: then it is where it could be written. */
function place({ after, newAt, oldAt }: Difference, old: PolicyDocument, now: PolicyDocument): Position {
  return after === undefined ? old.position(['spec', ...oldAt]) : now.position(['spec', ...newAt]);
}

function pathText(path: Difference['path']): string {
  let text = 'spec';
  for (const step of path) {
    text += typeof step === 'string' ? formatPath(['_', step]).slice(1) : `[${printable(step.element, 60)}]`;
  }
  return text;
}

/** One line, as YAML would take it in most places, and without what must not be seen. */
function inWords(value: unknown): string {
  return printable(scrubText(flow(value)), MAX_VALUE_CHARS);
}

function flow(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  const members = Object.entries(value).map(([key, member]) => `${key}: ${flow(member)}`);
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`;
}
