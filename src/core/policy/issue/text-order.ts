import type { Issue } from '../../../base/units/index.ts';

/** Per file: a hostile or binary file must not become a report of a million lines. */
export const MAX_ISSUES = 200;

/**
 * File by file as given, in each by line and column; an issue without a place comes first. Where several checks found
 * the same value bad, only the first (the one closest to the text) is kept.
 */
export function inTextOrder(issues: readonly Issue[], fileNames: readonly string[]): Issue[] {
  const byFile = new Map<string | undefined, Issue[]>([[undefined, []]]);
  for (const name of fileNames) byFile.set(name, []);
  const seen = new Set<string>();
  for (const issue of issues) {
    const { position, path } = issue;
    const place = JSON.stringify([position?.file, position?.line, position?.column, path]);
    if (!seen.has(place)) byFile.get(position?.file)?.push(issue);
    seen.add(place);
  }
  return [...byFile.values()].flatMap((own) => bounded(own.toSorted(compare)));
}

function bounded(issues: readonly Issue[]): readonly Issue[] {
  const last = issues[MAX_ISSUES - 1];
  if (issues.length <= MAX_ISSUES || last === undefined) return issues;
  const message = `expected a policy; more than ${MAX_ISSUES} issues in this file, the rest is not shown`;
  return [...issues.slice(0, MAX_ISSUES - 1), { ...last, code: 'POLICY_LIMIT', path: '', message }];
}

function compare(a: Issue, b: Issue): number {
  if (a.position === undefined || b.position === undefined) return 0;
  return a.position.line - b.position.line || a.position.column - b.position.column;
}
