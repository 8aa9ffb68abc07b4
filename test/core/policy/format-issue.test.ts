import { describe, expect, it } from 'vitest';
import { formatIssue } from '../../../src/core/policy/index.ts';
import { refused, service } from './load.ts';

describe('an issue as a line of text', () => {
  it('is place, path, what was expected, what was got, and a hint', () => {
    const pools = 'pools: [{ name: gpu, endpoints: { static: [{ address: 10.0.0.1, port: "99" }] } }]';
    expect(refused(service([], 'chat', pools)).map(formatIssue)).toEqual([
      '0.yaml:6:73 spec.pools[0].endpoints.static[0].port: expected a port 1..65535, got "99". Hint: write it without quotes: 99',
    ]);
  });

  it('leaves out what is not known, and does not say a path twice', () => {
    const position = { file: 'p.yaml', line: 2, column: 3 };
    expect(formatIssue({ code: 'X', path: '', message: 'm' })).toBe('m');
    expect(formatIssue({ code: 'X', path: 'a.b', message: 'm', hint: 'h' })).toBe('a.b: m. Hint: h');
    expect(formatIssue({ code: 'X', path: '', message: 'm', position })).toBe('p.yaml:2:3: m');
    expect(formatIssue({ code: 'X', path: 'a.b', message: 'not yet: a.b', position })).toBe('p.yaml:2:3: not yet: a.b');
  });
});
