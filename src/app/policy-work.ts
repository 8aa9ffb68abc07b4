import type { Result } from '../base/units/index.ts';
import {
  type DocumentText,
  diffPolicies,
  documentTexts,
  loadPolicy,
  type Policy,
  type PolicyChange,
  type PolicyFile,
  type PolicyVersion,
} from '../core/policy/index.ts';

/** What is asked of the thread that reads large policies. All of it, and what comes of it, can be sent to another thread. */
export type PolicyWork =
  | { readonly kind: 'Load'; readonly files: readonly PolicyFile[] }
  /** The documents of a file, each with its own part of the text. */
  | { readonly kind: 'Split'; readonly file: PolicyFile }
  | { readonly kind: 'Diff'; readonly before: PolicyVersion | undefined; readonly after: PolicyVersion };

export type PolicyWorkDone = {
  readonly Load: Policy;
  readonly Split: readonly DocumentText[];
  readonly Diff: readonly PolicyChange[];
};

export function doPolicyWork(work: PolicyWork): Result<PolicyWorkDone[PolicyWork['kind']]> {
  if (work.kind === 'Load') return loadPolicy(work.files);
  if (work.kind === 'Diff') return { ok: true, value: diffPolicies(work.before, work.after), warnings: [] };
  const { documents, issues } = documentTexts(work.file);
  if (issues.length > 0) return { ok: false, issues };
  // What was read stays in its thread: it holds the tree of the YAML library.
  return { ok: true, value: Array.from(documents, ({ part, key }) => ({ part, key })), warnings: [] };
}
