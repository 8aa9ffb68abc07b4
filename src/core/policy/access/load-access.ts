import type { Issue, Result } from '../../../base/units/index.ts';
import { named, type Rule, repeatedIn } from '../check/duplicates.ts';
import { strings, unknownNames } from '../check/references.ts';
import { schemaIssues } from '../issue/schema-issues.ts';
import { inTextOrder } from '../issue/text-order.ts';
import { revisionOf } from '../normalise/revision.ts';
import { API_VERSION } from '../schema/document.ts';
import { nearest } from '../text/nearest.ts';
import { valueAt } from '../text/path.ts';
import type { PolicyDocument } from '../text/policy-document.ts';
import { type PolicyFile, readFile } from '../text/read-file.ts';
import type { AccessPolicy } from './access-policy.ts';
import { ACCESS_KIND, type AccessSpec, accessPolicy } from './schema.ts';

const RULES: readonly Rule[] = [
  named('spec.issuers.*', 'issuer name'),
  {
    pattern: ['spec', 'issuers', '*'],
    what: 'claim iss',
    key: (value) => valueAt(value, ['issuer']) as string | undefined,
    at: ['issuer'],
  },
];

/**
 * The text of an access policy to its value, with the same care as a policy. It is a file of its own, with one document:
 * who may write policies must not thereby say who may.
 */
export function loadAccessPolicy(file: PolicyFile): Result<AccessPolicy> {
  const read = readFile(file);
  const [document, another] = read.documents;
  const issues: Issue[] = [...read.issues];
  if (another !== undefined)
    issues.push(another.issue('POLICY_DUPLICATE', [], `expected one ${ACCESS_KIND} in the file, got another document`));
  if (document === undefined) {
    if (issues.length === 0) issues.push(nothingIn(file));
    return { ok: false, issues: inTextOrder(issues, [file.name]) };
  }
  const kind = kindIssue(document);
  if (kind !== undefined) return { ok: false, issues: inTextOrder([...issues, kind], [file.name]) };
  const parsed = accessPolicy.safeParse(document.value);
  if (!parsed.success) issues.push(...schemaIssues(document, accessPolicy, parsed.error.issues));
  issues.push(...repeatedIn(document, RULES));
  const issuers = strings(document, ['spec', 'issuers', '*', 'name']);
  issues.push(
    ...unknownNames(document, ['spec', 'bindings', '*', 'tokens', '*', 'issuer'], 'the name of an issuer', issuers),
  );
  if (!parsed.success || issues.length > 0) return { ok: false, issues: inTextOrder(issues, [file.name]) };
  return { ok: true, value: normalise(document, parsed.data.spec), warnings: [] };
}

function normalise(document: PolicyDocument, spec: AccessSpec): AccessPolicy {
  const content = {
    issuers: spec.issuers.map((issuer, index) => ({
      ...issuer,
      origin: document.position(['spec', 'issuers', index]),
    })),
    bindings: spec.bindings.map((binding, index) => ({
      ...binding,
      origin: document.position(['spec', 'bindings', index]),
    })),
  };
  return { revision: revisionOf(content), ...content };
}

/** Read before the schema: a policy given for an access policy is one mistake, and not twenty. */
function kindIssue(document: PolicyDocument): Issue | undefined {
  const { value } = document;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const hint = `the document starts with apiVersion: ${API_VERSION} and kind: ${ACCESS_KIND}`;
    return document.issue('POLICY_TYPE', [], `expected a mapping, got ${document.written([])}`, hint);
  }
  const kind = valueAt(value, ['kind']);
  if (kind === ACCESS_KIND) return undefined;
  if (kind === undefined) return document.issue('POLICY_MISSING', ['kind'], `missing; expected ${ACCESS_KIND}`);
  const near = typeof kind === 'string' ? nearest(kind, [ACCESS_KIND]) : undefined;
  const message = `expected ${ACCESS_KIND}, got ${document.written(['kind'])}`;
  const hint = near === undefined ? 'policies are given with --policies' : `did you mean ${near}?`;
  return document.issue('POLICY_VALUE', ['kind'], message, hint);
}

function nothingIn(file: PolicyFile): Issue {
  const position = { file: file.name, line: 1, column: 1 };
  return { code: 'POLICY_MISSING', path: '', message: `missing; expected one ${ACCESS_KIND}`, position };
}
