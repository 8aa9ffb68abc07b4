import { describe, expect, it } from 'vitest';
import { diffPolicies } from '../../../src/core/policy/index.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { loaded } from './load.ts';

function keepWarmOf(lines: string) {
  return loaded(poolsPolicy([{ name: 'gpu', ports: [1], lines: `      keepWarm: ${lines}\n` }])).services[0]?.pools[0]
    ?.keepWarm;
}

describe('keepWarm of a pool', () => {
  it('is one line where the engine speaks the API of OpenAI: one token, once a minute', () => {
    expect(keepWarmOf('{ model: llama }')).toEqual({
      path: '/v1/completions',
      body: '{"model":"llama","prompt":"warm","max_tokens":1}',
      intervalMs: 60_000,
      timeoutMs: 30_000,
    });
  });

  it('has a body of its own where it does not, and a port where servers have plaintext elsewhere', () => {
    const body = '{"inputs":"warm","parameters":{"max_new_tokens":1}}';
    const lines = `{ path: /generate, body: '${body}', port: 9000, interval: 5m, timeout: 10s, slowAbove: 2s }`;
    expect(keepWarmOf(lines)).toEqual({
      path: '/generate',
      body,
      port: 9000,
      intervalMs: 300_000,
      timeoutMs: 10_000,
      slowAboveMs: 2000,
    });
  });

  it('is told in the words of the language when it is edited', () => {
    const version = (lines: string) => {
      const text = poolsPolicy([{ name: 'gpu', ports: [1], lines }]);
      return { policy: loaded(text), files: [{ name: 'policy.yaml', text }] };
    };
    const changes = diffPolicies(
      version('      keepWarm: { model: llama }\n'),
      version('      keepWarm: { model: llama, interval: 90s }\n'),
    );
    expect(JSON.stringify(changes)).toContain('"90s"');
    expect(JSON.stringify(changes)).toContain('keepWarm.interval');
  });
});
