import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTHeaderParameters, SignJWT } from 'jose';
import { MetricsServer, page } from '../signals/metrics-server.ts';

/** Somebody who signs tokens and serves the keys: what an identity provider is to a server. */
export class TestIssuer {
  readonly server: MetricsServer;
  #keys: { readonly kid: string; readonly key: CryptoKey; readonly jwk: JWK }[] = [];

  private constructor(server: MetricsServer) {
    this.server = server;
  }

  static async start(): Promise<TestIssuer> {
    const issuer = new TestIssuer(await MetricsServer.start());
    await issuer.rotate('one');
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}/keys`;
  }

  /** How often the keys were asked for. */
  get asked(): number {
    return this.server.requests.length;
  }

  get jwks(): { readonly keys: readonly JWK[] } {
    return { keys: this.#keys.map(({ jwk }) => jwk) };
  }

  /** From now on signs with a new key. */
  async rotate(kid: string, algorithm = 'ES256', keep = false): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm };
    this.#keys = [...(keep ? this.#keys : []), { kid, key: privateKey, jwk }];
    this.serve();
  }

  serve(keys: unknown = this.jwks): void {
    this.server.answer = page(JSON.stringify(keys), { 'content-type': 'application/json' });
  }

  /** A token as it should be, but for what is given. */
  async token(
    claims: Readonly<Record<string, unknown>> = {},
    header: { readonly alg?: string; readonly kid?: string | undefined } = {},
  ): Promise<string> {
    const { kid, key } = this.#keys.at(-1)!;
    const now = Math.floor(Date.now() / 1000);
    const payload = {
      iss: 'https://login.example',
      aud: 'loadline',
      sub: 'alice@example.com',
      groups: ['gpu-on-call', 'all'],
      iat: now,
      exp: now + 300,
      ...claims,
    };
    return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid, ...header } as JWTHeaderParameters).sign(key);
  }

  stop(): Promise<void> {
    return this.server.stop();
  }
}
