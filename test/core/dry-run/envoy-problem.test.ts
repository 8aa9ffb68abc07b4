import { describe, expect, it } from 'vitest';
import { envoyProblem, verdictIssues, verdictOf } from '../../../src/core/dry-run/index.ts';
import { compileFile } from '../../support/compile-file.ts';

const FILE = 'test/core/policy/good/chat.yaml';
const { resources, policy } = compileFile(FILE, []);

function place(message: string): string {
  const { resource, position } = envoyProblem(message, resources, policy);
  return `${resource?.type} ${resource?.name} @${position?.line}`;
}

describe('what Envoy says', () => {
  it.each([
    ["route: unknown cluster 'llama-70b'", 'cds llama-70b @26'],
    [
      'name: "llama-70b"\ntype: EDS\n: Proto constraint validation failed (ClusterValidationError.X)',
      'cds llama-70b @26',
    ],
    ['malformed IP address: 10.20.0.11 in 10.20.0.11:8000', 'eds llama-70b @51'],
    ["error adding listener '127.0.0.1:15001': cannot bind", 'lds models @10'],
    [
      'Only unique values for domains are permitted. Duplicate entry of domain llama-70b.models.svc.cluster.local',
      'cds llama-70b @26',
    ],
    ['value: "llama-70b/tenant"\n: token bucket fill timer must be >= 50ms', 'ecds loadline.rate-limit.sidecar @79'],
    [
      'node { id: "static" cluster: "models" }\n: Proto constraint validation failed (BootstrapValidationError.StaticResources: embedded message failed validation | caused by StaticResourcesValidationError.Clusters[0]: x)',
      'cds llama-70b @26',
    ],
    [
      'node { cluster: "models" }\n: Proto constraint validation failed (BootstrapValidationError.Admin: x)',
      'undefined undefined @undefined',
    ],
    ['the weather is bad', 'undefined undefined @undefined'],
  ])('%j is about %s', (message, expected) => {
    expect(place(message)).toBe(expected);
    expect(envoyProblem(message, resources, policy).message).toBe(message);
  });

  it('stays out of what is published as an issue with a place, each once', () => {
    const problem = envoyProblem("route: unknown cluster 'llama-70b'", resources, policy);
    const check = { group: 'lab', release: '1.36', envoy: '1.36.4', outcome: 'Refused', cached: false } as const;
    const checks = [
      { ...check, problems: [problem] },
      { ...check, group: 'other', problems: [problem] },
    ];
    expect(verdictIssues(verdictOf('Prefer', checks))).toEqual([
      {
        code: 'POLICY_ENVOY_REFUSED',
        path: '',
        message: "Envoy 1.36.4 refuses cds llama-70b: route: unknown cluster 'llama-70b'",
        position: { file: FILE, line: 26, column: 1 },
      },
    ]);
    expect(verdictIssues(verdictOf('Prefer', []))).toEqual([]);
    expect(verdictIssues(verdictOf('Require', [], 'none')).map(({ code }) => code)).toEqual(['POLICY_NOT_VALIDATED']);
  });
});
