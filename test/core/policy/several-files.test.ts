import { describe, expect, it } from 'vitest';
import { formatIssue, loadPolicy } from '../../../src/core/policy/index.ts';
import { group, loaded, refused, service } from './load.ts';

describe('one policy in several files', () => {
  it('is merged: a group in one file names services of others, and documents may share a file', () => {
    const policy = loaded(
      group('[code, chat]'),
      `${service([], 'chat')}---\n${service(['match: { pathPrefix: /code/ }'], 'code')}`,
    );
    expect(policy.groups[0]?.modelServices).toEqual(['code', 'chat']);
    expect(policy.services.map(({ name, origin }) => `${name} ${origin.file}:${origin.line}:${origin.column}`)).toEqual(
      ['chat 1.yaml:1:1', 'code 1.yaml:8:1'],
    );
  });

  it('skips documents that hold nothing but comments', () => {
    expect(loaded(`# head\n---\n---\n${service()}---\n# tail\n...\n`, '# nothing here\n').services).toHaveLength(1);
  });

  it('refuses a service that another file has too, and names both places', () => {
    expect(refused(service(), `\n${service()}`).map(formatIssue)).toEqual([
      '1.yaml:4:19 metadata.name: expected one ModelService of this name, got another; the first is at 0.yaml:3:19',
    ]);
  });

  it('lets a group and a service have one name', () => {
    expect(loaded(group('[chat]', 'chat'), service()).groups[0]?.name).toBe('chat');
  });

  it('reports all issues of all files, file by file, each from top to bottom', () => {
    const bad = service(['timeouts: { connect: 0s }', 'retry: { numRetries: 99 }', 'timeout: {}']);
    const places = refused(bad, group('[nobody]'), bad.replace('chat', 'code')).map(({ position, code }) => {
      return `${position?.file}:${position?.line} ${code}`;
    });
    expect(places).toEqual([
      '0.yaml:6 POLICY_VALUE',
      '0.yaml:7 POLICY_VALUE',
      '0.yaml:8 POLICY_UNKNOWN_KEY',
      '1.yaml:6 POLICY_REFERENCE',
      '2.yaml:6 POLICY_VALUE',
      '2.yaml:7 POLICY_VALUE',
      '2.yaml:8 POLICY_UNKNOWN_KEY',
    ]);
  });

  it('does not say that a service is missing while a file that may hold it cannot be read', () => {
    expect(refused(group('[chat]'), 'kind: [').map(({ code }) => code)).toEqual(['POLICY_SYNTAX']);
    expect(refused(group('[chat]'), 'kind: Other\n').map(({ code }) => code)).toEqual(['POLICY_VALUE']);
  });

  it('does not blame a group for the mistakes inside its service', () => {
    const issues = refused(group('[chat]'), service(['timeouts: { connect: 0s }']));
    expect(issues.map(({ path }) => path)).toEqual(['spec.timeouts.connect']);
  });

  it('never takes emptiness for a policy', () => {
    expect(loadPolicy([])).toEqual({
      ok: false,
      issues: [{ code: 'POLICY_MISSING', path: '', message: 'missing; expected at least one document' }],
    });
    expect(refused('', '# later\n').map(formatIssue)).toEqual(['0.yaml:1:1: missing; expected at least one document']);
  });

  it('lets services of two groups match the same requests, but not of one', () => {
    const services = [service([], 'chat'), service([], 'code')];
    expect(loaded(group('[chat]', 'a'), group('[code]', 'b'), ...services).groups).toHaveLength(2);
    expect(refused(group('[chat, code]'), ...services).map(({ path }) => path)).toEqual(['spec.modelServices[1]']);
    const prefixed = service(['match: { pathPrefix: /code/ }'], 'code');
    expect(loaded(group('[chat, code]'), service([], 'chat'), prefixed).services).toHaveLength(2);
  });
});
