import type { Issue, Result } from '../../base/units/index.ts';
import { Catalogue, type Entry, nameOf } from './check/catalogue.ts';
import { collisionsIn } from './check/collisions.ts';
import { duplicatesIn } from './check/duplicates.ts';
import { engineFilesIn } from './check/engine-files.ts';
import { exporterPortsIn } from './check/exporter-ports.ts';
import { keepWarmIn } from './check/keep-warm.ts';
import { mirrorsIn } from './check/mirrors.ts';
import { notEnforcedIn } from './check/not-enforced.ts';
import { protectedClassesIn } from './check/protected-classes.ts';
import { readKind, SCHEMAS } from './check/read-kind.ts';
import { referencesIn } from './check/references.ts';
import { schemaIssues } from './issue/schema-issues.ts';
import { inTextOrder } from './issue/text-order.ts';
import { normaliseClasses, normaliseGroup, normaliseService } from './normalise/normalise.ts';
import { revisionOf } from './normalise/revision.ts';
import type { ModelService, Policy, SidecarGroup, TrafficClasses } from './policy.ts';
import { type PolicyFile, type ReadFile, readFile } from './text/read-file.ts';

/**
 * Policy texts to one policy. Several documents in a file and several files are one policy; the order does not matter.
 * Every issue of every file is returned, in the order of the text; a policy with any issue is not returned at all.
 * Warnings name what is accepted but not enforced yet.
 */
export function loadPolicy(files: readonly PolicyFile[]): Result<Policy> {
  const steps = loadSteps(files);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * As {@link loadPolicy}, and waits for `turn` after each file and each document, so that others get on between them: a
 * large policy takes a second. `reads` has what was read of some of the files already.
 */
export async function loadPolicyInTurns(
  files: readonly PolicyFile[],
  turn: () => Promise<void>,
  reads: ReadonlyMap<PolicyFile, ReadFile> = new Map(),
): Promise<Result<Policy>> {
  const steps = loadSteps(files, reads);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await turn();
  }
}

function* loadSteps(
  files: readonly PolicyFile[],
  reads?: ReadonlyMap<PolicyFile, ReadFile>,
): Generator<void, Result<Policy>> {
  const issues: Issue[] = [];
  const entries: Entry[] = [];
  let complete = true;
  let documents = 0;
  for (const file of files) {
    const read = reads?.get(file) ?? readFile(file);
    issues.push(...read.issues);
    complete &&= read.complete;
    documents += read.documents.length;
    for (const document of read.documents) {
      const kind = readKind(document);
      if (typeof kind === 'string') entries.push({ document, kind, name: nameOf(document) });
      else {
        issues.push(kind);
        complete = false;
      }
    }
    yield;
  }
  if (documents === 0 && issues.length === 0) issues.push(nothingIn(files));

  const catalogue = new Catalogue(entries, complete);
  const found: Part[] = [];
  for (const entry of entries) {
    found.push(...readEntry(entry, issues));
    yield;
  }
  issues.push(...catalogue.duplicates);
  for (const entry of entries) {
    issues.push(...duplicatesIn(entry.document, entry.kind));
    issues.push(...engineFilesIn(entry.document, entry.kind));
    issues.push(...exporterPortsIn(entry.document, entry.kind));
    issues.push(...keepWarmIn(entry.document, entry.kind));
    issues.push(...referencesIn(entry, catalogue));
    issues.push(...collisionsIn(entry, catalogue));
    issues.push(...mirrorsIn(entry, catalogue));
    issues.push(...protectedClassesIn(entry, catalogue));
  }
  const names = files.map(({ name }) => name);
  if (issues.length > 0) return { ok: false, issues: inTextOrder(issues, names) };

  const warnings = entries.flatMap((entry) => notEnforcedIn(entry, catalogue));
  return { ok: true, value: assemble(found), warnings: inTextOrder(warnings, names) };
}

type Part =
  | { readonly kind: 'SidecarGroup'; readonly value: SidecarGroup }
  | { readonly kind: 'ModelService'; readonly value: ModelService }
  | { readonly kind: 'TrafficClasses'; readonly value: TrafficClasses };

/** The normalised document, or nothing after its issues were added. */
function readEntry({ document, kind }: Entry, issues: Issue[]): readonly Part[] {
  if (kind === 'SidecarGroup') {
    const read = SCHEMAS.SidecarGroup.safeParse(document.value);
    if (read.success) return [{ kind, value: normaliseGroup(document, read.data.metadata.name, read.data.spec) }];
    issues.push(...schemaIssues(document, SCHEMAS.SidecarGroup, read.error.issues));
    return [];
  }
  if (kind === 'ModelService') {
    const read = SCHEMAS.ModelService.safeParse(document.value);
    if (read.success) return [{ kind, value: normaliseService(document, read.data.metadata.name, read.data.spec) }];
    issues.push(...schemaIssues(document, SCHEMAS.ModelService, read.error.issues));
    return [];
  }
  const read = SCHEMAS.TrafficClasses.safeParse(document.value);
  if (read.success) return [{ kind, value: normaliseClasses(document, read.data.metadata.name, read.data.spec) }];
  issues.push(...schemaIssues(document, SCHEMAS.TrafficClasses, read.error.issues));
  return [];
}

function assemble(parts: readonly Part[]): Policy {
  const policy = {
    groups: byName(parts.flatMap((part) => (part.kind === 'SidecarGroup' ? [part.value] : []))),
    services: byName(parts.flatMap((part) => (part.kind === 'ModelService' ? [part.value] : []))),
    trafficClasses: byName(parts.flatMap((part) => (part.kind === 'TrafficClasses' ? [part.value] : []))),
  };
  return { revision: revisionOf(policy), ...policy };
}

function byName<T extends { readonly name: string }>(items: readonly T[]): readonly T[] {
  return items.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** A file that an editor has just truncated is no wish to serve nothing. */
function nothingIn(files: readonly PolicyFile[]): Issue {
  const message = 'missing; expected at least one document';
  const [first] = files;
  const position = first === undefined ? {} : { position: { file: first.name, line: 1, column: 1 } };
  return { code: 'POLICY_MISSING', path: '', message, ...position };
}
