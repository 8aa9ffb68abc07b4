import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SCHEMAS } from '../../../src/core/policy/check/read-kind.ts';
import { formatIssue, loadPolicy } from '../../../src/core/policy/index.ts';
import { keysAt } from '../../../src/core/policy/issue/schema-keys.ts';
import { formatPath, type Path } from '../../../src/core/policy/text/path.ts';
import { root, textOf } from './load.ts';

const PAGE = textOf('docs/reference/policy.md');

/** Every key of a kind as the page writes it, without `spec.`: `pools[].endpoints.static[].port`. */
function keysOf(kind: keyof typeof SCHEMAS): readonly string[] {
  const keys: string[] = [];
  const visit = (path: Path): void => {
    for (const key of keysAt(SCHEMAS[kind], path)) {
      const at = [...path, key];
      keys.push(
        formatPath(at)
          .replaceAll('[0]', '[]')
          .replace(/^spec\./, ''),
      );
      visit(at);
      visit([...at, 0]);
    }
  };
  visit([]);
  return keys;
}

describe('docs/reference/policy.md', () => {
  it.each(['SidecarGroup', 'TrafficClasses', 'ModelService'] as const)('has every key of %s', (kind) => {
    const keys = keysOf(kind);
    expect(keys.length).toBeGreaterThan(10);
    // blocks that only hold other keys, and the signals of a pool, are described by their members
    const grouped =
      /^(metadata|match|upstream|timeouts|signals|loadBalancer|outlierDetection|retry|circuitBreakers)$|^pools\[\]\.signals\.|^pools\[\]\.upstream\.tls\.|^retry\.(backOff|retryAfter|budget)$|^signals\.gpu\.(exporter|prometheus|file)$|^signals\.engine\.(prometheus|file)$/;
    const missing = keys.filter((key) => !grouped.test(key) && !PAGE.includes(`\`${key}\``));
    expect(missing).toEqual([]);
  });

  it('has no key that the language lacks', () => {
    const known = new Set((['SidecarGroup', 'TrafficClasses', 'ModelService'] as const).flatMap(keysOf));
    const rows = PAGE.split('\n').filter((line) => line.startsWith('| `') && !line.includes('POLICY_'));
    const named = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
    );
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter((key) => !known.has(key))).toEqual([]);
  });

  it('has every code that is reported, and only those', () => {
    const documented = [...PAGE.matchAll(/^\| `(POLICY_[A-Z_]+)`/gm)].map((match) => match[1]);
    const reported = new Set(['POLICY_LIMIT', 'POLICY_NOT_ENFORCED']); // hostile-text.test.ts, reference.test.ts
    for (const name of readdirSync(new URL('test/core/policy/bad/', root))) {
      const result = loadPolicy([{ name, text: textOf(`test/core/policy/bad/${name}`) }]);
      for (const { code } of result.ok ? [] : result.issues) reported.add(code);
    }
    expect([...reported].sort()).toEqual(documented.toSorted());
  });
});

describe('docs/examples', () => {
  const names = readdirSync(new URL('docs/examples/', root)).filter((name) => name.endsWith('.yaml'));

  it.each(names)('%s loads, and everything in it is enforced', (name) => {
    const result = loadPolicy([{ name, text: textOf(`docs/examples/${name}`) }]);
    if (!result.ok) expect.fail(result.issues.map(formatIssue).join('\n'));
    expect(result.warnings).toEqual([]);
    expect(result.value.groups).toHaveLength(1);
  });
});
