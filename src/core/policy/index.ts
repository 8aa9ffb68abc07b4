export type * from './access/access-policy.ts';
export { ROLES } from './access/access-policy.ts';
export { loadAccessPolicy } from './access/load-access.ts';
export { Identities } from './identities.ts';
export { formatIssue } from './issue/format-issue.ts';
export { loadPolicy } from './load-policy.ts';
export type * from './policy.ts';
export type { PolicyFile } from './text/read-file.ts';
