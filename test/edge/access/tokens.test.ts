import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AccessPolicy, Issuer } from '../../../src/core/policy/index.ts';
import { type Recognised, TokenVerifier } from '../../../src/edge/access/tokens/token-verifier.ts';
import { HttpPageFetcher } from '../../../src/edge/signals/index.ts';
import { page } from '../signals/metrics-server.ts';
import { TestIssuer } from './issuer.ts';

const MINUTE_MS = 60_000;
const seconds = (): number => Math.floor(Date.now() / 1000);

let issuer: TestIssuer;
let fetcher: HttpPageFetcher;
let nowMs: number;
let problems: (string | undefined)[];

beforeEach(async () => {
  issuer = await TestIssuer.start();
  fetcher = new HttpPageFetcher();
  nowMs = 1_000_000;
  problems = [];
});

afterEach(async () => {
  fetcher.close();
  await issuer.stop();
});

function accessPolicy(over: Partial<Issuer> = {}): AccessPolicy {
  const origin = { file: 'access.yaml', line: 1, column: 1 };
  const corp: Issuer = {
    name: 'corp',
    origin,
    issuer: 'https://login.example',
    audiences: ['loadline'],
    keys: { kind: 'Url', url: issuer.url },
    algorithms: ['ES256'],
    clockSkewMs: 30_000,
    ...over,
  };
  const subjects = [{ kind: 'TokenClaim', issuer: 'corp', claim: 'groups', value: 'gpu-on-call' }] as const;
  return {
    revision: 'r',
    issuers: [corp],
    bindings: [{ origin, role: 'Viewer', services: { kind: 'All' }, subjects }],
  };
}

function verifier(over: Partial<Issuer> = {}): TokenVerifier {
  const made = new TokenVerifier({ fetcher, clock: () => nowMs, keys: (_issuer, problem) => problems.push(problem) });
  made.configure(accessPolicy(over));
  return made;
}

const why = (recognised: Recognised): string => (recognised.ok ? 'recognised' : recognised.why);

describe('a token', () => {
  it('says who bears it, with the claims that bindings ask for and no others', async () => {
    const token = await issuer.token({ email: 'a@b', groups: ['gpu-on-call', 7, 'all'] });
    expect(await verifier().verify(token)).toEqual({
      ok: true,
      peer: {
        kind: 'Bearer',
        issuer: 'corp',
        subject: 'alice@example.com',
        claims: { groups: ['gpu-on-call', 'all'] },
      },
    });
    const single = await issuer.token({ groups: 'gpu-on-call' });
    expect(await verifier().verify(single)).toMatchObject({ peer: { claims: { groups: ['gpu-on-call'] } } });
    const none = await issuer.token({ groups: undefined });
    expect(await verifier().verify(none)).toMatchObject({ peer: { claims: {} } });
  });

  it.each<[string, () => Promise<string>, string]>([
    ['that has expired', () => issuer.token({ exp: seconds() - 31 }), 'it has expired'],
    ['without an end', () => issuer.token({ exp: undefined }), 'it has no end (exp)'],
    ['whose end is no time', () => issuer.token({ exp: 'never' }), 'its claim exp is missing or wrong'],
    ['that is not valid yet', () => issuer.token({ nbf: seconds() + 60 }), 'it is not valid yet'],
    ['for somebody else', () => issuer.token({ aud: 'billing' }), 'it is for another audience'],
    ['for nobody', () => issuer.token({ aud: undefined }), 'it is for another audience'],
    ['about nobody', () => issuer.token({ sub: undefined }), 'its claim sub is missing or wrong'],
    ['whose subject writes to a terminal', () => issuer.token({ sub: 'a\u001b[2J' }), 'its subject cannot be shown'],
    [
      'of another issuer',
      () => issuer.token({ iss: 'https://login.example/' }),
      'its issuer is none of the access policy',
    ],
    ['of nobody', () => issuer.token({ iss: undefined }), 'its issuer is none of the access policy'],
    ['that is too long', () => issuer.token({ groups: ['x'.repeat(20_000)] }), 'it is too long'],
    ['that is none', async () => 'hello', 'its issuer is none of the access policy'],
    ['with three empty parts', async () => '..', 'its issuer is none of the access policy'],
  ])('%s is refused in words that hold nothing of it', async (_name, make, words) => {
    expect(why(await verifier().verify(await make()))).toBe(words);
  });

  it('is allowed a clock that is a little off', async () => {
    expect(why(await verifier().verify(await issuer.token({ exp: seconds() - 20 })))).toBe('recognised');
    const exact = verifier({ clockSkewMs: 0 });
    expect(why(await exact.verify(await issuer.token({ exp: seconds() - 2 })))).toBe('it has expired');
  });

  it('is refused without a signature, or with one that the public key can make', async () => {
    const claims = { iss: 'https://login.example', aud: 'loadline', sub: 'mallory', exp: seconds() + 300 };
    const checked = verifier({ algorithms: ['ES256', 'RS256'] });
    expect(why(await checked.verify(new UnsecuredJWT(claims).encode()))).toBe(
      'its algorithm is none that issuer corp may use',
    );
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'HS256', kid: 'one' })}.${part(claims)}`;
    const secret = JSON.stringify(issuer.jwks.keys[0]);
    const forged = `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
    expect(why(await checked.verify(forged))).toBe('its algorithm is none that issuer corp may use');
  });

  it('is refused when somebody else has signed it, or changed it', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    const payload = { iss: 'https://login.example', aud: 'loadline', sub: 'mallory', exp: seconds() + 300 };
    const foreign = await new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(privateKey);
    expect(why(await verifier().verify(foreign))).toBe('no key of issuer corp has signed it');
    const [head, , signature] = (await issuer.token()).split('.');
    const changed = `${head}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.${signature}`;
    expect(why(await verifier().verify(changed))).toBe('no key of issuer corp has signed it');
  });

  it('of an algorithm that the policy does not list is refused, although the key fits', async () => {
    expect(why(await verifier({ algorithms: ['RS256'] }).verify(await issuer.token()))).toBe(
      'its algorithm is none that issuer corp may use',
    );
  });

  it('never makes the verifier throw, whatever it is', async () => {
    const good = await issuer.token();
    const checked = verifier();
    for (let at = 0; at < good.length; at += 1) {
      const bad = good.slice(0, at) + (good[at] === 'A' ? 'B' : 'A') + good.slice(at + 1);
      const told = await checked.verify(bad);
      // The last character of a signature has bits that mean nothing.
      if (told.ok) expect(at).toBe(good.length - 1);
      else expect(told.why).not.toContain(good.slice(0, 20));
    }
  });
});

describe('the keys of an issuer', () => {
  it('are fetched once, and again after five minutes', async () => {
    const checked = verifier();
    for (let turn = 0; turn < 5; turn += 1) expect(why(await checked.verify(await issuer.token()))).toBe('recognised');
    expect(issuer.asked).toBe(1);
    nowMs += 5 * MINUTE_MS;
    await checked.verify(await issuer.token());
    await expect.poll(() => issuer.asked).toBe(2);
  });

  it('are looked for when a token names a new one, and not with every token that does', async () => {
    const checked = verifier();
    expect(why(await checked.verify(await issuer.token()))).toBe('recognised');
    await issuer.rotate('two');
    expect(why(await checked.verify(await issuer.token()))).toBe('no key of issuer corp has signed it');
    expect(issuer.asked).toBe(1);
    nowMs += 10_000;
    expect(why(await checked.verify(await issuer.token()))).toBe('recognised');
    expect(issuer.asked).toBe(2);
    const unknown = await issuer.token({}, { kid: 'three' });
    for (let turn = 0; turn < 20; turn += 1)
      expect(why(await checked.verify(unknown))).toBe('no key of issuer corp has signed it');
    expect(issuer.asked).toBe(2);
  });

  it('stay known for an hour while they cannot be had, and let nobody in after that', async () => {
    const checked = verifier();
    expect(why(await checked.verify(await issuer.token()))).toBe('recognised');
    issuer.server.answer = (request) => request.socket.destroy();
    nowMs += 59 * MINUTE_MS;
    expect(why(await checked.verify(await issuer.token()))).toBe('recognised');
    nowMs += 2 * MINUTE_MS;
    expect(why(await checked.verify(await issuer.token()))).toMatch(
      /^the keys of issuer corp cannot be had: the connection was/,
    );
    expect(problems.at(-1)).toMatch(/the connection was/);
    issuer.serve();
    nowMs += 10_000;
    expect(why(await checked.verify(await issuer.token()))).toBe('recognised');
    expect(problems.at(-1)).toBeUndefined();
  });

  it.each<[string, () => void, RegExp]>([
    ['an error', () => (issuer.server.answer = (_q, r) => void r.writeHead(500).end()), /answered 500/],
    [
      'a redirect',
      () => (issuer.server.answer = (_q, r) => void r.writeHead(302, { location: issuer.url }).end()),
      /redirects are not followed/,
    ],
    ['no JSON', () => (issuer.server.answer = page('<html>secret</html>')), /they are no JSON$/],
    ['no set', () => issuer.serve([]), /there is no list of keys$/],
    ['an empty set', () => issuer.serve({ keys: [] }), /there is no public key among them$/],
    [
      'keys that are none',
      () => issuer.serve({ keys: [null, 7, {}, { kty: 'oct', k: 'c2VjcmV0', kid: 'one' }] }),
      /no public key/,
    ],
    ['too many', () => issuer.serve({ keys: Array.from({ length: 65 }, () => ({ kty: 'EC' })) }), /more than 64/],
    ['too much', () => (issuer.server.answer = page('x'.repeat(300_000))), /larger than 262144 bytes/],
  ])('that are answered with %s let nobody in', async (_name, arrange, words) => {
    arrange();
    const said = why(await verifier().verify(await issuer.token()));
    expect(said).toMatch(words);
    expect(said).not.toContain('secret');
  });

  it('are not given to a token that does not say which of several it means', async () => {
    await issuer.rotate('two', 'ES256', true);
    const checked = verifier();
    expect(why(await checked.verify(await issuer.token()))).toBe('recognised');
    expect(why(await checked.verify(await issuer.token({}, { kid: undefined })))).toBe(
      'it does not say (kid) which key of corp has signed it',
    );
  });

  it('are never asked for at a forbidden address', async () => {
    const checked = verifier({ keys: { kind: 'Url', url: 'http://169.254.169.254/keys' } });
    expect(why(await checked.verify(await issuer.token()))).toMatch(/cannot be had: 169\.254\.169\.254 is never asked/);
  });

  it('may come from a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'loadline-keys-'));
    try {
      const path = join(folder, 'keys.json');
      const checked = verifier({ keys: { kind: 'File', path } });
      expect(why(await checked.verify(await issuer.token()))).toMatch(
        /^the keys of issuer corp cannot be had: the file /,
      );
      writeFileSync(path, JSON.stringify(issuer.jwks));
      nowMs += 10_000;
      expect(why(await checked.verify(await issuer.token()))).toBe('recognised');
      expect(issuer.asked).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('stay known when the policy changes around them', async () => {
    const checked = verifier();
    await checked.verify(await issuer.token());
    checked.configure(accessPolicy({ audiences: ['other'] }));
    expect(why(await checked.verify(await issuer.token()))).toBe('it is for another audience');
    expect(issuer.asked).toBe(1);
  });
});
