import { describe, expect, it } from 'vitest';
import { formatIssue, loadAccessPolicy, loadPolicy } from '../../../src/core/policy/index.ts';

const GOOD = `apiVersion: loadline.dev/v1alpha1
kind: AccessPolicy
metadata: { name: main }
spec:
  issuers:
    - name: corp
      issuer: https://login.example
      audiences: [loadline]
      keys: { url: https://login.example/keys }
  bindings:
    - role: Viewer
      services: ["*"]
      identities: ["spiffe://mesh.example/ns/ops/*", spiffe://mesh.example/ns/web/sa/grafana]
    - role: Operator
      services: [chat]
      tokens:
        - { issuer: corp, claim: groups, value: gpu-on-call }
        - { issuer: corp, subject: alice@example.com }
`;

function issuesOf(text: string): readonly string[] {
  const result = loadAccessPolicy({ name: 'access.yaml', text });
  return result.ok ? [] : result.issues.map(formatIssue);
}

describe('an access policy', () => {
  it('is read into its normal form', () => {
    const result = loadAccessPolicy({ name: 'access.yaml', text: GOOD });
    if (!result.ok) expect.fail(result.issues.map(formatIssue).join('\n'));
    expect(result.value).toEqual({
      revision: expect.stringMatching(/^[0-9a-f]+$/),
      issuers: [
        {
          name: 'corp',
          origin: { file: 'access.yaml', line: 6, column: 7 },
          issuer: 'https://login.example',
          audiences: ['loadline'],
          keys: { kind: 'Url', url: 'https://login.example/keys' },
          algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
          clockSkewMs: 30_000,
        },
      ],
      bindings: [
        {
          origin: { file: 'access.yaml', line: 11, column: 7 },
          role: 'Viewer',
          services: { kind: 'All' },
          subjects: [
            { kind: 'SpiffeBelow', prefix: 'spiffe://mesh.example/ns/ops/' },
            { kind: 'Spiffe', id: 'spiffe://mesh.example/ns/web/sa/grafana' },
          ],
        },
        {
          origin: { file: 'access.yaml', line: 14, column: 7 },
          role: 'Operator',
          services: { kind: 'Named', names: ['chat'] },
          subjects: [
            { kind: 'TokenClaim', issuer: 'corp', claim: 'groups', value: 'gpu-on-call' },
            { kind: 'TokenSubject', issuer: 'corp', subject: 'alice@example.com' },
          ],
        },
      ],
    });
  });

  it.each([
    [
      'role: Viewer',
      'role: Viwer',
      'access.yaml:11:13 spec.bindings[0].role: expected one of Agent, Viewer, Operator, Editor, Admin, got Viwer. Hint: did you mean Viewer?',
    ],
    [
      'identities:',
      'identites:',
      'access.yaml:13:7 spec.bindings[0].identites: unknown key; expected one of role, services, identities, tokens. Hint: did you mean identities?',
    ],
    [
      'services: [chat]',
      'services: []',
      'access.yaml:15:17 spec.bindings[1].services: expected a list of model services, or ["*"] for all, got an empty list',
    ],
    [
      'services: [chat]',
      'services: [chat, "*"]',
      'access.yaml:15:24 spec.bindings[1].services[1]: expected either "*" or names, not both, got "*"',
    ],
    [
      'services: [chat]',
      'services: ["*hat"]',
      'access.yaml:15:18 spec.bindings[1].services[0]: expected the name of a model service, or "*" for all, got "*hat"',
    ],
    [
      '{ issuer: corp, subject',
      '{ issuer: crop, subject',
      'access.yaml:18:21 spec.bindings[1].tokens[1].issuer: expected the name of an issuer, got crop. Hint: did you mean corp?',
    ],
    [
      'claim: groups, value: gpu-on-call',
      'claim: groups',
      'access.yaml:17:11 spec.bindings[1].tokens[0]: expected claim and value together, got a mapping. Hint: claim: groups, value: gpu-operators',
    ],
    [
      'claim: groups',
      'claim: __entity',
      'access.yaml:17:34 spec.bindings[1].tokens[0].claim: expected the name of a claim at the top of a token, such as groups, got __entity',
    ],
    [
      'https://login.example/keys',
      'http://login.example/keys',
      'access.yaml:9:20 spec.issuers[0].keys.url: expected a URL that starts with https:// (http:// only for loopback), got http://login.example/keys',
    ],
    [
      'https://login.example/keys',
      'https://169.254.169.254/keys',
      'access.yaml:9:20 spec.issuers[0].keys.url: expected a URL such as http://prometheus:9090, without user and password, got https://169.254.169.254/keys. Hint: that host is never asked: it is link-local, where clouds hand out credentials',
    ],
    [
      'audiences: [loadline]',
      'audiences: [loadline]\n      algorithms: [none]',
      'access.yaml:9:20 spec.issuers[0].algorithms[0]: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, got none',
    ],
    [
      'audiences: [loadline]',
      'audiences: [loadline]\n      algorithms: [HS256]',
      'access.yaml:9:20 spec.issuers[0].algorithms[0]: expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, got HS256. Hint: did you mean RS256?',
    ],
    [
      'kind: AccessPolicy',
      'kind: AcessPolicy',
      'access.yaml:2:7 kind: expected AccessPolicy, got AcessPolicy. Hint: did you mean AccessPolicy?',
    ],
    [
      'kind: AccessPolicy',
      'kind: ModelService',
      'access.yaml:2:7 kind: expected AccessPolicy, got ModelService. Hint: policies are given with --policies',
    ],
  ])('with %j as %j is refused where it is wrong', (good, bad, issue) => {
    expect(GOOD).toContain(good);
    expect(issuesOf(GOOD.replace(good, bad))).toEqual([issue]);
  });

  it('needs somebody in each binding, and something in the file', () => {
    const nobody = GOOD.replace(/ +identities: .*\n/, '');
    expect(issuesOf(nobody)).toEqual([
      'access.yaml:11:7 spec.bindings[0]: expected identities or tokens: who has this role, got a mapping. Hint: identities: [spiffe://mesh.example/ns/ops/*]',
    ]);
    expect(issuesOf('# nothing\n')).toEqual(['access.yaml:1:1: missing; expected one AccessPolicy']);
    expect(issuesOf(`${GOOD}---\n${GOOD}`)).toEqual([
      'access.yaml:20:1: expected one AccessPolicy in the file, got another document',
    ]);
    expect(issuesOf('- a')).toHaveLength(1);
  });

  it('names each issuer once', () => {
    const issuer = GOOD.slice(GOOD.indexOf('    - name'), GOOD.indexOf('  bindings'));
    expect(issuesOf(GOOD.replace(issuer, issuer + issuer))).toEqual([
      'access.yaml:10:13 spec.issuers[1].name: expected each issuer name once, got corp again; the first is at 6:13',
      'access.yaml:11:15 spec.issuers[1].issuer: expected each claim iss once, got https://login.example again; the first is at 7:15',
    ]);
  });

  it('is no policy, and says where it belongs', () => {
    const result = loadPolicy([{ name: 'access.yaml', text: GOOD }]);
    expect(result.ok ? [] : result.issues.map(formatIssue)).toEqual([
      'access.yaml:2:7 kind: expected one of SidecarGroup, ModelService, TrafficClasses, got AccessPolicy. Hint: it is a file of its own, for loadline serve --access',
    ]);
  });

  it('has the same revision when it means the same', () => {
    const revision = (text: string) => {
      const result = loadAccessPolicy({ name: 'access.yaml', text });
      return result.ok ? result.value.revision : 'refused';
    };
    expect(revision(`# a comment\n${GOOD}`)).toBe(revision(GOOD));
    expect(revision(GOOD.replace('services: ["*"]', 'services: [chat]'))).toMatch(/^[0-9a-f]+$/);
    expect(revision(GOOD.replace('role: Viewer', 'role: Admin'))).not.toBe(revision(GOOD));
  });
});
