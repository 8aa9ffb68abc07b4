import type { Position } from '../../../base/units/index.ts';

/** From least to most; what each may do is a table of the room `core/access`. */
export const ROLES = ['Agent', 'Viewer', 'Operator', 'Editor', 'Admin'] as const;
export type Role = (typeof ROLES)[number];

/** Signatures of a private key alone: no `none`, and no HS*, whose key would let whoever checks a token also make one. */
export const TOKEN_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** Who may do what, in normal form. What no binding grants is denied. */
export type AccessPolicy = {
  /** Content hash: same meaning, same revision. */
  readonly revision: string;
  readonly issuers: readonly Issuer[];
  readonly bindings: readonly Binding[];
};

/** Somebody whose tokens are believed. */
export type Issuer = {
  /** As the tokens of bindings name it. */
  readonly name: string;
  readonly origin: Position;
  /** The claim `iss`, letter by letter. */
  readonly issuer: string;
  /** A token must be for one of them. */
  readonly audiences: readonly string[];
  readonly keys: { readonly kind: 'Url'; readonly url: string } | { readonly kind: 'File'; readonly path: string };
  readonly algorithms: readonly TokenAlgorithm[];
  readonly clockSkewMs: number;
};

export type Binding = {
  readonly origin: Position;
  readonly role: Role;
  readonly services: { readonly kind: 'All' } | { readonly kind: 'Named'; readonly names: readonly string[] };
  readonly subjects: readonly Subject[];
};

export type Subject =
  | { readonly kind: 'Spiffe'; readonly id: string }
  /** Every ID below it; the prefix ends with a slash. */
  | { readonly kind: 'SpiffeBelow'; readonly prefix: string }
  | { readonly kind: 'TokenSubject'; readonly issuer: string; readonly subject: string }
  /** The claim is the value, or a list that has it. */
  | { readonly kind: 'TokenClaim'; readonly issuer: string; readonly claim: string; readonly value: string };
