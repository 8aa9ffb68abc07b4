export type * from './access/access-policy.ts';
export { ROLES } from './access/access-policy.ts';
export { loadAccessPolicy } from './access/load-access.ts';
export { carriersOf } from './carriers.ts';
export { KINDS, type Kind } from './check/read-kind.ts';
export {
  type ChangeKind,
  diffPolicies,
  diffPoliciesInTurns,
  type PolicyChange,
  type PolicyVersion,
} from './diff/diff-policies.ts';
export { type DocumentText, type DocumentTexts, documentTexts } from './document-texts.ts';
export { groupRevision } from './group-revision.ts';
export { Identities } from './identities.ts';
export { formatIssue } from './issue/format-issue.ts';
export { loadPolicy, loadPolicyInTurns } from './load-policy.ts';
export type * from './policy.ts';
export type * from './request-match.ts';
export type { PolicyFile, ReadFile } from './text/read-file.ts';
export { joinDocuments } from './text/split-documents.ts';
export { unifiedDiff } from './text/unified-diff.ts';
export type * from './upstream.ts';
