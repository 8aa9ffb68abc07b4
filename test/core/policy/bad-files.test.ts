import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadPolicy } from '../../../src/core/policy/index.ts';
import { root, textOf } from './load.ts';

/**
 * Each file of `bad/` says in its head what is wrong with it and which issues are due:
 * `# expect: LINE:COLUMN CODE PATH`. Those and no others must come, in this order.
 */
const FOLDER = 'test/core/policy/bad/';
const EXPECT = /^# expect: (\S.*)$/gm;

const names = readdirSync(new URL(FOLDER, root)).filter((name) => name.endsWith('.yaml'));

describe('a bad policy file', () => {
  it('comes in many kinds', () => {
    expect(names.length).toBeGreaterThanOrEqual(45);
  });

  it.each(names)('%s is refused where it is wrong, and nowhere else', (name) => {
    const text = textOf(FOLDER + name);
    const due = [...text.matchAll(EXPECT)].map((match) => match[1]);
    expect(due.length, 'the head says what is due').toBeGreaterThan(0);
    const result = loadPolicy([{ name, text }]);
    const found = result.ok ? [] : result.issues;
    const lines = found.map(({ position, code, path }) =>
      `${position?.line}:${position?.column} ${code} ${path}`.trimEnd(),
    );
    expect(lines).toEqual(due);
    for (const { message, position } of found) {
      expect(message).toMatch(/expected/);
      expect(position?.file).toBe(name);
    }
  });

  it.each(names)('%s: the place of an unknown key is that key, of a bad scalar that scalar', (name) => {
    const text = textOf(FOLDER + name);
    const result = loadPolicy([{ name, text }]);
    const lines = text.split('\n');
    for (const { code, path, message, position } of result.ok ? [] : result.issues) {
      const there = lines[(position?.line ?? 0) - 1]?.slice((position?.column ?? 0) - 1) ?? '';
      if (code === 'POLICY_UNKNOWN_KEY') expect(there.startsWith(`${path.split('.').at(-1)}:`), path).toBe(true);
      const got = /, got ([\w.%/:+-]+)$/.exec(message)?.[1];
      if (got !== undefined && got !== 'nothing')
        expect(there.startsWith(got) || message.includes('+'), message).toBe(true);
    }
  });

  it('leads to advice: what was meant, how it is written', () => {
    const hints = new Map<string, string>();
    for (const name of names) {
      const result = loadPolicy([{ name, text: textOf(FOLDER + name) }]);
      for (const { path, hint } of result.ok ? [] : result.issues)
        if (hint !== undefined) hints.set(`${name} ${path}`, hint);
    }
    expect(Object.fromEntries(hints)).toMatchObject({
      'key-misspelt.yaml spec.loadBalncer': 'did you mean loadBalancer?',
      'key-misspelt.yaml spec.retry.numretries': 'did you mean numRetries?',
      'key-elsewhere.yaml spec.maxEjectionPercent': 'that key belongs to spec.outlierDetection',
      'kind-misspelt.yaml kind': 'did you mean ModelService?',
      'mirror-near.yaml spec.mirror.toService': 'there is none',
      'protocol.yaml spec.upstream.protocol': 'did you mean Http2?',
      'retry-on.yaml spec.retry.retryOn[0]': 'did you mean connect-failure?',
      'timeouts-units.yaml spec.timeouts.connect': 'add a unit: 2s or 2ms',
      'timeouts-units.yaml spec.timeouts.streamIdle': 'use one unit: 90s instead of 1m30s',
      'rate-limit-rate.yaml spec.rateLimits[0].rate': 'say per what: 50/s, 50/m or 50/h',
      'outlier-percent.yaml spec.outlierDetection.maxEjectionPercent': 'write the sign: 50% or 0.5%',
      'outlier-detection.yaml spec.outlierDetection.alwaysEjectOneHost': 'YAML 1.2 knows only true and false',
      'pool-revision-number.yaml spec.pools[0].modelRevision': 'put it in quotes: "1.10"',
      'endpoint-host-name.yaml spec.pools[0].endpoints.static[0].address':
        'Envoy takes no host names here; write endpoints: { dns: { name: gpu-1.example, port: … } }',
      'endpoint-port-bad.yaml spec.pools[0].endpoints.static[1].port': 'write it without quotes: 8000',
      'group-unknown-service.yaml spec.modelServices[0]': 'did you mean chat?',
      'name-not-a-label.yaml metadata.name': 'such as chat-7b',
    });
  });
});
