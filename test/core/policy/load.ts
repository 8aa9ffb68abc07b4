import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Issue } from '../../../src/base/units/index.ts';
import { formatIssue, loadPolicy, type ModelService, type Policy } from '../../../src/core/policy/index.ts';

export const root: URL = new URL('../../../', import.meta.url);

export function textOf(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

/** The policy of texts that must load. */
export function loaded(...texts: readonly string[]): Policy {
  const result = loadPolicy(texts.map((text, index) => ({ name: `${index}.yaml`, text })));
  if (!result.ok) expect.fail(result.issues.map(formatIssue).join('\n'));
  return result.value;
}

/** The issues of texts that must not load. */
export function refused(...texts: readonly string[]): readonly Issue[] {
  const result = loadPolicy(texts.map((text, index) => ({ name: `${index}.yaml`, text })));
  if (result.ok) expect.fail('it loaded');
  return result.issues;
}

export function onlyService(policy: Policy): ModelService {
  expect(policy.services).toHaveLength(1);
  return policy.services[0] as ModelService;
}

const POOL = 'pools: [{ name: gpu, endpoints: { static: [{ address: 10.0.0.1, port: 8000 }] } }]';

/** A service that says as little as possible, and `lines` of its spec. */
export function service(lines: readonly string[] = [], name = 'chat', pools: string = POOL): string {
  return [
    'apiVersion: loadline.dev/v1alpha1',
    'kind: ModelService',
    `metadata: { name: ${name} }`,
    'spec:',
    '  hostnames: ["*"]',
    ...[...lines, pools].map((line) => `  ${line}`),
    '',
  ].join('\n');
}

export function group(services: string, name = 'lab', lines: readonly string[] = []): string {
  return [
    'apiVersion: loadline.dev/v1alpha1',
    'kind: SidecarGroup',
    `metadata: { name: ${name} }`,
    'spec:',
    '  listeners: [{ name: models, address: 127.0.0.1, port: 15001 }]',
    `  modelServices: ${services}`,
    ...lines.map((line) => `  ${line}`),
    '',
  ].join('\n');
}
