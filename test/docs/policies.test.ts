import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { formatIssue, loadAccessPolicy, loadPolicy } from '../../src/core/policy/index.ts';
import { codeBlocks, markdownPages, pagesUnder } from './pages.ts';

type Yaml = { readonly name: string; readonly text: string };

const blocks: readonly Yaml[] = markdownPages().flatMap(({ path, text }) =>
  codeBlocks(text)
    .filter(({ language }) => language === 'yaml')
    .map((block) => ({ name: `${path}:${block.line}`, text: block.text })),
);
const files: readonly Yaml[] = ['docs', 'deploy', 'envoy']
  .flatMap(pagesUnder)
  .filter(({ path }) => /\.ya?ml$/.test(path))
  .map(({ path, text }) => ({ name: path, text }));

describe('YAML in the pages and beside them', () => {
  it('was seen', () => {
    expect(blocks.length).toBeGreaterThan(0);
    expect(files.filter(isPolicy).length).toBeGreaterThan(3);
  });

  it.each([...blocks, ...files].map((one) => [one.name, one] as const))('%s is YAML', (_, { text }) => {
    expect(parseAllDocuments(text).flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  });

  it.each(
    [...blocks, ...files].filter(isPolicy).map((one) => [one.name, one] as const),
  )('%s is a policy that loads', (_, one) => {
    const result = /^kind: AccessPolicy$/m.test(one.text) ? loadAccessPolicy(one) : loadPolicy([one]);
    expect(result.ok ? result.warnings : result.issues.map(formatIssue)).toEqual([]);
  });
});

/** Every document of the policy language says so in its first key. */
function isPolicy({ text }: Yaml): boolean {
  return /^apiVersion: loadline\.dev\//m.test(text);
}
