import type { Issue } from '../../../base/units/index.ts';

/** `policy.yaml:6:15 spec.pools[0].endpoints.static[0].port: expected a port 1..65535, got 99999. Hint: …` */
export function formatIssue(issue: Issue): string {
  const { position, path, message, hint } = issue;
  const place = position === undefined ? '' : `${position.file}:${position.line}:${position.column}`;
  // A message that ends in the path (as warnings do) needs it only once.
  const head = [place, message.endsWith(`: ${path}`) ? '' : path].filter((part) => part !== '').join(' ');
  const body = head === '' ? message : `${head}: ${message}`;
  return hint === undefined ? body : `${body}. Hint: ${hint}`;
}
