export { Identities } from './identities.ts';
export { formatIssue } from './issue/format-issue.ts';
export { loadPolicy } from './load-policy.ts';
export type * from './policy.ts';
