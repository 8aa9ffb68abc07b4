import { createLocalJWKSet, type JWK } from 'jose';
import type { KeySource } from './key-source.ts';

export type FindKey = ReturnType<typeof createLocalJWKSet>;

export type Keys = { readonly ok: true; readonly find: FindKey } | { readonly ok: false; readonly message: string };

/** Issuers announce a key a day or more before they use it; this is how long one that they took back is still believed. */
const REFRESH_MS = 5 * 60_000;
/** Keys that could not be confirmed for so long are not used any more. */
const MAX_AGE_MS = 60 * 60_000;
/** Between two tries, whatever tokens ask for: nobody makes the server hammer an issuer by naming keys. */
const MIN_PAUSE_MS = 10_000;
const MAX_KEYS = 64;

/**
 * The public keys of one issuer, read when they are first needed and then now and again. Our own instead of jose's remote
 * set, because that fetches by itself: past the guard, without a bound of size, and without keeping what it knows.
 */
export class KeySet {
  readonly #read: KeySource;
  readonly #now: () => number;
  readonly #told: (problem: string | undefined) => void;
  #find: FindKey | undefined;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #problem = 'they were not read yet';
  #pending: Promise<void> | undefined;

  /** `told` hears of each try what is wrong, or undefined when it went well. */
  constructor(read: KeySource, now: () => number, told: (problem: string | undefined) => void) {
    this.#read = read;
    this.#now = now;
    this.#told = told;
  }

  /** The keys as they are known; waits for them only where there are none that may be used. */
  async current(): Promise<Keys> {
    const age = this.#now() - this.#readAtMs;
    if (age >= REFRESH_MS) {
      const renewed = this.#renew();
      if (age >= MAX_AGE_MS) await renewed;
    }
    return this.#known();
  }

  /** For a token whose key is not known: asks again, unless that was just done. Undefined: there is nothing newer. */
  async newer(): Promise<Keys | undefined> {
    const before = this.#readAtMs;
    await this.#renew();
    return this.#readAtMs > before ? this.#known() : undefined;
  }

  #known(): Keys {
    if (this.#find !== undefined && this.#now() - this.#readAtMs < MAX_AGE_MS) return { ok: true, find: this.#find };
    return { ok: false, message: this.#problem };
  }

  #renew(): Promise<void> {
    if (this.#pending !== undefined) return this.#pending;
    if (this.#now() - this.#triedAtMs < MIN_PAUSE_MS) return Promise.resolve();
    this.#triedAtMs = this.#now();
    this.#pending = this.#take().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #take(): Promise<void> {
    const text = await this.#read();
    const read = text.ok ? parseKeys(text.text) : text;
    if (read.ok) {
      this.#find = read.find;
      this.#readAtMs = this.#now();
      this.#told(undefined);
    } else {
      this.#problem = read.message;
      this.#told(read.message);
    }
  }
}

/** Symmetric and private keys are left out: they are no business of a verifier, and somebody's mistake. */
function parseKeys(text: string): Keys {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, message: 'they are no JSON' };
  }
  const keys = typeof value === 'object' && value !== null ? (value as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(keys)) return { ok: false, message: 'they are no JWK set: there is no list of keys' };
  if (keys.length > MAX_KEYS) return { ok: false, message: `there are more than ${MAX_KEYS} of them` };
  const usable = keys.filter(isPublic);
  if (usable.length === 0) return { ok: false, message: 'there is no public key among them' };
  return { ok: true, find: createLocalJWKSet({ keys: usable }) };
}

function isPublic(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, d } = key as JWK;
  return d === undefined && (kty === 'RSA' || kty === 'EC' || kty === 'OKP');
}
