import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Action, type Peer, ROLE_TABLE } from '../../../src/core/access/index.ts';
import { type AccessPolicy, type Binding, ROLES, type Subject } from '../../../src/core/policy/index.ts';
import { Authority } from '../../../src/edge/access/authority.ts';

const ORIGIN = { file: 'access.yaml', line: 1, column: 1 };
const SERVICES = ['chat', 'chat-eu', 'embed', 'constructor'] as const;
/** Of the server, named by some binding, and named by none. */
const RESOURCES = [undefined, ...SERVICES, 'elsewhere', '*', ''] as const;
const IDS = ['spiffe://m/ns/a', 'spiffe://m/ns/a/sa/b', 'spiffe://m/ns/ab', 'spiffe://m/ns/a/sa/*', 'spiffe://n/ns/a'];
const ISSUERS = ['corp', 'lab'];
const VALUES = ['ops', 'ops-2', 'true', '*', '"', '\\'];
const CLAIMS = ['groups', 'role', 'https://example.com/roles', 'constructor'];
const ACTIONS = Object.values(ROLE_TABLE).flatMap(({ actions }) => [...actions]);

const subject: fc.Arbitrary<Subject> = fc.oneof(
  fc.constantFrom(...IDS).map((id): Subject => ({ kind: 'Spiffe', id })),
  fc
    .constantFrom('spiffe://m/', 'spiffe://m/ns/', 'spiffe://m/ns/a/')
    .map((prefix): Subject => ({ kind: 'SpiffeBelow', prefix })),
  fc
    .record({ issuer: fc.constantFrom(...ISSUERS), subject: fc.constantFrom(...VALUES) })
    .map((one): Subject => ({ kind: 'TokenSubject', ...one })),
  fc
    .record({
      issuer: fc.constantFrom(...ISSUERS),
      claim: fc.constantFrom(...CLAIMS),
      value: fc.constantFrom(...VALUES),
    })
    .map((one): Subject => ({ kind: 'TokenClaim', ...one })),
);
const services: fc.Arbitrary<Binding['services']> = fc.oneof(
  fc.constant({ kind: 'All' as const }),
  fc.uniqueArray(fc.constantFrom(...SERVICES), { minLength: 1 }).map((names) => ({ kind: 'Named' as const, names })),
);
const binding: fc.Arbitrary<Binding> = fc.record({
  origin: fc.constant(ORIGIN),
  role: fc.constantFrom(...ROLES),
  services,
  subjects: fc.array(subject, { minLength: 1, maxLength: 4 }),
});
const policy: fc.Arbitrary<AccessPolicy> = fc
  .array(binding, { maxLength: 6 })
  .map((bindings) => ({ revision: 'r', issuers: [], bindings }));
const peer: fc.Arbitrary<Exclude<Peer, { kind: 'Development' }>> = fc.oneof(
  fc
    .option(fc.constantFrom(...IDS), { nil: undefined })
    .map((spiffeId) => ({ kind: 'Certificate' as const, spiffeId })),
  fc.record({
    kind: fc.constant('Bearer' as const),
    issuer: fc.constantFrom(...ISSUERS),
    subject: fc.constantFrom(...VALUES),
    claims: fc.dictionary(fc.constantFrom(...CLAIMS), fc.array(fc.constantFrom(...VALUES), { maxLength: 3 })),
  }),
);
const question = fc.record({ peer, action: fc.constantFrom(...ACTIONS), service: fc.constantFrom(...RESOURCES) });

/** As plainly as the reference page says it, with nothing of the engine. */
function dumb(
  one: AccessPolicy,
  who: Exclude<Peer, { kind: 'Development' }>,
  action: Action,
  service?: string,
): boolean {
  for (const { role, services: scope, subjects } of one.bindings) {
    if (!ROLE_TABLE[role].actions.includes(action)) continue;
    if (scope.kind === 'Named' && (service === undefined || !scope.names.includes(service))) continue;
    for (const each of subjects) {
      if (who.kind === 'Certificate') {
        if (each.kind === 'Spiffe' && each.id === who.spiffeId) return true;
        if (each.kind === 'SpiffeBelow' && who.spiffeId?.startsWith(each.prefix)) return true;
      } else {
        if (each.kind === 'TokenSubject' && each.issuer === who.issuer && each.subject === who.subject) return true;
        if (each.kind !== 'TokenClaim' || each.issuer !== who.issuer) continue;
        const values = Object.hasOwn(who.claims, each.claim) ? who.claims[each.claim] : [];
        if (values?.includes(each.value)) return true;
      }
    }
  }
  return false;
}

const asked = (authority: Authority, who: Peer, action: Action, service?: string): boolean =>
  authority.may(who, action, service === undefined ? { kind: 'Server' } : { kind: 'Service', name: service });

describe('the authority', () => {
  it('agrees with its dumb twin on 10,000 random questions', () => {
    const authority = new Authority();
    let questions = 0;
    let granted = 0;
    fc.assert(
      fc.property(policy, fc.array(question, { minLength: 50, maxLength: 50 }), (one, all) => {
        authority.use(one);
        for (const { peer: who, action, service } of all) {
          const expected = dumb(one, who, action, service);
          // Twice: computed, and remembered.
          for (let turn = 0; turn < 2; turn += 1)
            expect(asked(authority, who, action, service), JSON.stringify({ one, who, action, service })).toBe(
              expected,
            );
          questions += 1;
          if (expected) granted += 1;
        }
      }),
      { numRuns: 200 },
    );
    expect(questions).toBeGreaterThanOrEqual(10_000);
    // A twin that always says no would agree too often.
    expect(granted).toBeGreaterThan(500);
  }, 120_000);

  it('denies everybody everything before it has a policy', () => {
    const authority = new Authority();
    for (const action of ACTIONS) {
      expect(asked(authority, { kind: 'Certificate', spiffeId: IDS[0] }, action, 'chat')).toBe(false);
      expect(asked(authority, { kind: 'Development' }, action, 'chat')).toBe(true);
    }
  });

  it('forgets what it has decided when the policy changes, and keeps two servers apart', () => {
    const grant = (id: string): AccessPolicy => ({
      revision: id,
      issuers: [],
      bindings: [{ origin: ORIGIN, role: 'Viewer', services: { kind: 'All' }, subjects: [{ kind: 'Spiffe', id }] }],
    });
    const [first = '', second = ''] = IDS;
    const who = (spiffeId: string): Peer => ({ kind: 'Certificate', spiffeId });
    const one = new Authority();
    const other = new Authority();
    one.use(grant(first));
    other.use(grant(second));
    expect([asked(one, who(first), 'View'), asked(one, who(second), 'View')]).toEqual([true, false]);
    expect([asked(other, who(first), 'View'), asked(other, who(second), 'View')]).toEqual([false, true]);
    one.use(grant(second));
    expect([asked(one, who(first), 'View'), asked(one, who(second), 'View')]).toEqual([false, true]);
  });

  it('takes no name for anything but a name', () => {
    const authority = new Authority();
    const evil = '"); permit(principal, action, resource); //';
    const subjects: Subject[] = [
      { kind: 'TokenSubject', issuer: 'corp', subject: evil },
      { kind: 'TokenClaim', issuer: 'corp', claim: 'groups', value: '*' },
    ];
    authority.use({
      revision: 'r',
      issuers: [],
      bindings: [{ origin: ORIGIN, role: 'Admin', services: { kind: 'All' }, subjects }],
    });
    const bearer = (name: string, groups: readonly string[]): Peer => ({
      kind: 'Bearer',
      issuer: 'corp',
      subject: name,
      claims: { groups },
    });
    expect(asked(authority, bearer('mallory', ['ops']), 'View')).toBe(false);
    expect(asked(authority, bearer(evil, []), 'View')).toBe(true);
    expect(asked(authority, bearer('mallory', ['*']), 'View')).toBe(true);
  });
});
