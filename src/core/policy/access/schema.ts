import type { z } from 'zod';
import { documentOf } from '../schema/document.ts';
import { list, mapping, matching, nonEmptyList, oneOf, readText, refuse } from '../schema/shape.ts';
import { exactlyOneOf, SPELLINGS } from '../schema/spelling.ts';
import { duration } from '../schema/units.ts';
import { filePath, httpUrl, LABEL, label, spiffePattern } from '../schema/words.ts';
import {
  type Binding,
  type Issuer,
  ROLES,
  type Subject,
  TOKEN_ALGORITHMS,
  type TokenAlgorithm,
} from './access-policy.ts';

export type AccessSpec = {
  readonly issuers: readonly Omit<Issuer, 'origin'>[];
  readonly bindings: readonly Omit<Binding, 'origin'>[];
};

/** Every decision looks at every subject. */
const MAX_BINDINGS = 256;
const MAX_SUBJECTS_OF_ONE = 64;
const MAX_ISSUERS = 16;
const MAX_CLOCK_SKEW_MS = 300_000;
const DEFAULT_ALGORITHMS: readonly TokenAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];

/** Keys that came over plain HTTP could be anybody's; on loopback there is no way for somebody else to be in. */
function keysUrl(): z.ZodType<string> {
  return httpUrl().refine((text) => !URL.canParse(text) || isHttpsOrLoopback(new URL(text)), {
    error: 'a URL that starts with https:// (http:// only for loopback)',
  });
}

function isHttpsOrLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || /^(?:127(?:\.\d+){3}|\[::1\]|localhost)$/.test(hostname);
}

function printableText(what: string): z.ZodType<string> {
  return matching(/^[!-~]([ -~]{0,254}[!-~])?$/, `${what}, of 1 to 256 printable ASCII characters`);
}

/** Names that start with a letter: others mean something to the engine that decides. */
function claimName(): z.ZodType<string> {
  return matching(/^[A-Za-z][A-Za-z0-9_.:/-]{0,127}$/, 'the name of a claim at the top of a token, such as groups');
}

const issuer: z.ZodType<Omit<Issuer, 'origin'>> = mapping({
  name: label(),
  issuer: matching(
    /^https?:\/\/[!-~]{1,512}$/,
    'what stands in the claim iss of its tokens, such as https://login.example',
  ),
  audiences: nonEmptyList(printableText('an audience'), 'a list of at least one audience'),
  keys: mapping({ url: keysUrl().exactOptional(), file: filePath().exactOptional() })
    .superRefine((value, context) => {
      const given = Object.keys(value);
      if (given.length === 0) refuse(context, [], 'url or file', 'url: https://login.example/keys');
      else if (given.length > 1) refuse(context, ['file'], 'either url or file, not both');
    })
    .register(SPELLINGS, exactlyOneOf('url', 'file'))
    .transform(({ url, file }): Issuer['keys'] =>
      url === undefined ? { kind: 'File', path: file ?? '' } : { kind: 'Url', url },
    ),
  algorithms: nonEmptyList(oneOf(TOKEN_ALGORITHMS), 'a list of at least one algorithm').default(() => [
    ...DEFAULT_ALGORITHMS,
  ]),
  clockSkew: duration(0, MAX_CLOCK_SKEW_MS).prefault('30s'),
}).transform(({ clockSkew, ...rest }) => ({ ...rest, clockSkewMs: clockSkew }));

const token: z.ZodType<Subject> = mapping({
  issuer: label(),
  subject: printableText('the claim sub of a token').exactOptional(),
  claim: claimName().exactOptional(),
  value: printableText('a value of the claim').exactOptional(),
})
  .superRefine((value, context) => {
    const claim = value.claim !== undefined && value.value !== undefined;
    const half = (value.claim === undefined) !== (value.value === undefined);
    if (half) refuse(context, [], 'claim and value together', 'claim: groups, value: gpu-operators');
    else if (claim === (value.subject !== undefined))
      refuse(context, [], 'either subject, or claim and value', 'claim: groups, value: gpu-operators');
  })
  .transform(
    ({ issuer: from, subject, claim = '', value = '' }): Subject =>
      subject === undefined
        ? { kind: 'TokenClaim', issuer: from, claim, value }
        : { kind: 'TokenSubject', issuer: from, subject },
  );

const identity: z.ZodType<Subject> = spiffePattern().transform(
  (text): Subject =>
    text.endsWith('/*') ? { kind: 'SpiffeBelow', prefix: text.slice(0, -1) } : { kind: 'Spiffe', id: text },
);

/** A label, or `*`, which stands alone. */
function serviceName(): z.ZodType<string> {
  return readText(
    'the name of a model service, or "*" for all',
    (text) => (text === '*' || LABEL.test(text) ? text : undefined),
    undefined,
    { pattern: `^\\*$|${LABEL.source}` },
  );
}

const binding: z.ZodType<Omit<Binding, 'origin'>> = mapping({
  role: oneOf(ROLES),
  services: nonEmptyList(serviceName(), 'a list of model services, or ["*"] for all'),
  identities: list(identity, 'a list of SPIFFE IDs')
    .max(MAX_SUBJECTS_OF_ONE, { error: `at most ${MAX_SUBJECTS_OF_ONE} SPIFFE IDs in a binding` })
    .default(() => []),
  tokens: list(token, 'a list of subjects and claims of tokens')
    .max(MAX_SUBJECTS_OF_ONE, { error: `at most ${MAX_SUBJECTS_OF_ONE} tokens in a binding` })
    .default(() => []),
})
  .superRefine(({ services, identities, tokens }, context) => {
    if (identities.length + tokens.length === 0)
      refuse(context, [], 'identities or tokens: who has this role', 'identities: [spiffe://mesh.example/ns/ops/*]');
    if (services.length > 1 && services.includes('*'))
      refuse(context, ['services', services.indexOf('*')], 'either "*" or names, not both');
  })
  .transform(
    ({ role, services, identities, tokens }): Omit<Binding, 'origin'> => ({
      role,
      services: services.includes('*') ? { kind: 'All' } : { kind: 'Named', names: services },
      subjects: [...identities, ...tokens],
    }),
  );

const spec: z.ZodType<AccessSpec> = mapping({
  issuers: list(issuer, 'a list of issuers')
    .max(MAX_ISSUERS, { error: `at most ${MAX_ISSUERS} issuers` })
    .default(() => []),
  bindings: nonEmptyList(binding, 'a list of at least one binding').max(MAX_BINDINGS, {
    error: `at most ${MAX_BINDINGS} bindings`,
  }),
});

export const ACCESS_KIND = 'AccessPolicy';

export const accessPolicy: z.ZodType<{ metadata: { name: string }; spec: AccessSpec }> = documentOf(ACCESS_KIND, spec);
