import type { AccessPolicy, Binding, Subject } from '../policy/index.ts';
import type { Peer } from './peer.ts';
import { type Action, ROLE_TABLE } from './roles.ts';

/** What an action is done to. */
export type Resource = { readonly kind: 'Server' } | { readonly kind: 'Service'; readonly name: string };

/** Cedar's JSON forms of a policy, a name and an entity, as far as they are used here. */
export type CedarPolicy = {
  readonly effect: 'permit';
  readonly principal: object;
  readonly action: object;
  readonly resource: object;
  readonly conditions: readonly { readonly kind: 'when'; readonly body: object }[];
};
export type CedarUid = { readonly type: string; readonly id: string };
export type CedarEntity = {
  readonly uid: CedarUid;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly parents: readonly CedarUid[];
};

const SERVER: CedarUid = { type: 'Loadline::Server', id: 'this' };
const CERTIFICATE = 'Loadline::Certificate';
const TOKEN = 'Loadline::Token';
const PRINCIPAL = { Var: 'principal' };
const RESOURCE = { Var: 'resource' };

/**
 * An access policy as policies of Cedar: one for the exact SPIFFE IDs of a binding, and one for each other subject, because
 * every decision looks at every policy. They are built as JSON and never as text: whatever a name holds, it stays a name. All
 * of them permit; what none permits Cedar denies.
 */
export function cedarPolicies({ bindings }: AccessPolicy): Readonly<Record<string, CedarPolicy>> {
  return Object.fromEntries(
    bindings.flatMap((binding, at) => {
      const ids = binding.subjects.flatMap((one) => (one.kind === 'Spiffe' ? [one.id] : []));
      const others = binding.subjects.flatMap((one) => (one.kind === 'Spiffe' ? [] : [subjectParts(one)]));
      const parts = ids.length === 0 ? others : [oneOfIds(ids), ...others];
      return parts.map((part, of) => [`binding-${at}-${of}`, cedarPolicy(binding, part)] as const);
    }),
  );
}

/**
 * The names by which policies tell services apart. To all others they answer alike, so one of them can stand for them.
 */
export function namedServices({ bindings }: AccessPolicy): ReadonlySet<string> {
  return new Set(bindings.flatMap(({ services }) => (services.kind === 'Named' ? services.names : [])));
}

export function cedarAction(action: Action): CedarUid {
  return { type: 'Loadline::Action', id: action };
}

export function cedarPrincipal(peer: Exclude<Peer, { kind: 'Development' }>): CedarEntity {
  if (peer.kind === 'Certificate') {
    const id = peer.spiffeId ?? '';
    return { uid: { type: CERTIFICATE, id }, attrs: { id }, parents: [] };
  }
  const { issuer, subject, claims } = peer;
  const uid = { type: TOKEN, id: JSON.stringify([issuer, subject]) };
  return { uid, attrs: { issuer, subject, claims }, parents: [] };
}

export function cedarResource(resource: Resource): CedarEntity {
  if (resource.kind === 'Server') return { uid: SERVER, attrs: {}, parents: [] };
  return { uid: serviceUid(resource.name), attrs: {}, parents: [SERVER] };
}

type Part = { readonly type: string; readonly body: object };

function cedarPolicy({ role, services }: Binding, { type, body }: Part): CedarPolicy {
  const conditions =
    services.kind === 'All'
      ? [body]
      : [body, { contains: { left: uidSet(services.names.map(serviceUid)), right: RESOURCE } }];
  return {
    effect: 'permit',
    principal: { op: 'is', entity_type: type },
    action: { op: 'in', entities: ROLE_TABLE[role].actions.map(cedarAction) },
    resource: services.kind === 'All' ? { op: 'in', entity: SERVER } : { op: 'is', entity_type: 'Loadline::Service' },
    conditions: conditions.map((one) => ({ kind: 'when', body: one })),
  };
}

function oneOfIds(ids: readonly string[]): Part {
  const set = uidSet(ids.map((id) => ({ type: CERTIFICATE, id })));
  return { type: CERTIFICATE, body: { contains: { left: set, right: PRINCIPAL } } };
}

function subjectParts(subject: Exclude<Subject, { kind: 'Spiffe' }>): Part {
  switch (subject.kind) {
    case 'SpiffeBelow': {
      const pattern = [{ Literal: subject.prefix }, 'Wildcard'];
      return { type: CERTIFICATE, body: { like: { left: attribute(PRINCIPAL, 'id'), pattern } } };
    }
    case 'TokenSubject':
      return { type: TOKEN, body: both(equals('issuer', subject.issuer), equals('subject', subject.subject)) };
    case 'TokenClaim': {
      const claims = attribute(PRINCIPAL, 'claims');
      const has = { has: { left: claims, attr: subject.claim } };
      const contains = { contains: { left: attribute(claims, subject.claim), right: { Value: subject.value } } };
      return { type: TOKEN, body: both(equals('issuer', subject.issuer), both(has, contains)) };
    }
  }
}

function uidSet(uids: readonly CedarUid[]): object {
  return { Set: uids.map((uid) => ({ Value: { __entity: uid } })) };
}

function serviceUid(name: string): CedarUid {
  return { type: 'Loadline::Service', id: name };
}

function attribute(left: object, attr: string): object {
  return { '.': { left, attr } };
}

function equals(attr: string, value: string): object {
  return { '==': { left: attribute(PRINCIPAL, attr), right: { Value: value } } };
}

function both(left: object, right: object): object {
  return { '&&': { left, right } };
}
