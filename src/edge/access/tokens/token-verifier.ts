import { decodeJwt, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import type { Peer } from '../../../core/access/index.ts';
import type { AccessPolicy, Issuer } from '../../../core/policy/index.ts';
import type { PageFetcher } from '../../signals/index.ts';
import { type FindKey, KeySet } from './key-set.ts';
import { keySource } from './key-source.ts';

/** `why` is for whoever sent the token, and holds nothing of it. */
export type Recognised = { readonly ok: true; readonly peer: Peer } | { readonly ok: false; readonly why: string };

export type TokenVerifierOptions = {
  readonly fetcher: PageFetcher;
  /** Milliseconds, never going backwards: for the age of keys. */
  readonly clock: () => number;
  /** Wall-clock time: for the times in tokens. */
  readonly date?: () => Date;
  /** Hears when keys cannot be had, and when they can again. */
  readonly keys: (issuer: string, problem: string | undefined) => void;
};

type Known = { readonly issuer: Issuer; readonly keys: KeySet; readonly claims: readonly string[] };

const MAX_TOKEN_CHARS = 16 * 1024;
const MAX_SUBJECT_CHARS = 256;
const MAX_VALUES = 1_000;

/**
 * Tells who bears a token: a JWT that an issuer of the access policy has signed, for this audience, in its time. jose checks
 * the signature and the times; which issuer, algorithms and claims count is decided here.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  #known: ReadonlyMap<string, Known> = new Map();

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
  }

  /** Keys of issuers that stay as they are stay known. */
  configure({ issuers, bindings }: AccessPolicy): void {
    const { fetcher, clock, keys: told } = this.#options;
    const subjects = bindings.flatMap((binding) => binding.subjects);
    const known = new Map<string, Known>();
    for (const issuer of issuers) {
      const before = this.#known.get(issuer.issuer);
      const same = before !== undefined && JSON.stringify(before.issuer.keys) === JSON.stringify(issuer.keys);
      const keys = same
        ? before.keys
        : new KeySet(keySource(issuer.keys, fetcher), clock, (problem) => told(issuer.name, problem));
      const claims = subjects.flatMap((one) =>
        one.kind === 'TokenClaim' && one.issuer === issuer.name ? [one.claim] : [],
      );
      known.set(issuer.issuer, { issuer, keys, claims: [...new Set(claims)] });
    }
    this.#known = known;
  }

  async verify(token: string): Promise<Recognised> {
    if (token.length > MAX_TOKEN_CHARS) return refused('it is too long');
    const known = this.#known.get(issuerOf(token) ?? '');
    if (known === undefined) return refused('its issuer is none of the access policy');
    const { issuer } = known;
    const keys = await known.keys.current();
    if (!keys.ok) return refused(`the keys of issuer ${issuer.name} cannot be had: ${keys.message}`);
    const options: JWTVerifyOptions = {
      issuer: issuer.issuer,
      audience: [...issuer.audiences],
      algorithms: [...issuer.algorithms],
      clockTolerance: issuer.clockSkewMs / 1000,
      requiredClaims: ['exp', 'sub'],
      currentDate: this.#options.date?.() ?? new Date(),
    };
    try {
      return bearer(known, await verified(token, keys.find, known.keys, options));
    } catch (error) {
      return refused(wordsOf(error, issuer.name));
    }
  }
}

/** With the keys that are known; a key that is not among them is looked for once more. */
async function verified(token: string, find: FindKey, keys: KeySet, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, find, options)).payload;
  } catch (error) {
    const newer = error instanceof errors.JWKSNoMatchingKey ? await keys.newer() : undefined;
    if (newer?.ok !== true) throw error;
    return (await jwtVerify(token, newer.find, options)).payload;
  }
}

function bearer({ issuer, claims }: Known, payload: JWTPayload): Recognised {
  const { sub } = payload;
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_CHARS || /\p{C}/u.test(sub))
    return refused('its subject cannot be shown');
  const told = claims.flatMap((name) => {
    const values = listed(Object.hasOwn(payload, name) ? payload[name] : undefined);
    return values.length === 0 ? [] : [[name, values] as const];
  });
  return { ok: true, peer: { kind: 'Bearer', issuer: issuer.name, subject: sub, claims: Object.fromEntries(told) } };
}

function listed(value: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.slice(0, MAX_VALUES).filter((one) => typeof one === 'string');
}

/** Not verified yet: it only says whose keys to try. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined; // jose has no other way to say that it is no JWT; the caller has the words
  }
}

function wordsOf(error: unknown, issuer: string): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return claimWords(error);
  if (error instanceof errors.JOSEAlgNotAllowed) return `its algorithm is none that issuer ${issuer} may use`;
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return `it does not say (kid) which key of ${issuer} has signed it`;
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWSSignatureVerificationFailed)
    return `no key of issuer ${issuer} has signed it`;
  return 'it cannot be read';
}

function claimWords({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (claim === 'aud') return 'it is for another audience';
  if (claim === 'nbf') return 'it is not valid yet';
  if (claim === 'exp' && reason === 'missing') return 'it has no end (exp)';
  return `its claim ${claim} is missing or wrong`;
}

function refused(why: string): Recognised {
  return { ok: false, why };
}
