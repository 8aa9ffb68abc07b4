import { type Action, type Peer, peerText, type Resource } from '../../core/access/index.ts';
import type { AccessPolicy } from '../../core/policy/index.ts';
import { Authority } from './authority.ts';
import { type Recognised, TokenVerifier, type TokenVerifierOptions } from './tokens/token-verifier.ts';

/** Who somebody is, and what he may do, by the access policy that is in force. Until there is one, nobody may do anything. */
export class AccessControl {
  readonly #authority = new Authority();
  readonly #tokens: TokenVerifier;

  constructor(options: TokenVerifierOptions) {
    this.#tokens = new TokenVerifier(options);
  }

  /** @throws LoadlineError LOADLINE_ACCESS when it cannot be used; the one before stays in force. */
  use(policy: AccessPolicy): void {
    this.#authority.use(policy);
    this.#tokens.configure(policy);
  }

  /**
   * One call has one identity. Where it carries a token that is the token's, and what the certificate of the connection may do
   * does not count: a bad token is a refusal and not a smaller role.
   */
  recognise(transport: Peer, authorization: readonly string[]): Recognised | Promise<Recognised> {
    if (transport.kind === 'Development' || authorization.length === 0) return { ok: true, peer: transport };
    const [header = '', second] = authorization;
    const token = /^bearer +([!-~]+)$/i.exec(header)?.[1];
    if (second !== undefined || token === undefined)
      return { ok: false, why: `${peerText(transport)} sends an authorization that is no single bearer token` };
    return this.#verify(transport, token);
  }

  may(peer: Peer, action: Action, resource: Resource): boolean {
    return this.#authority.may(peer, action, resource);
  }

  /** Model services that bindings name; there may be others, or no such service. */
  namedServices(): Iterable<string> {
    return this.#authority.namedServices();
  }

  async #verify(transport: Peer, token: string): Promise<Recognised> {
    const recognised = await this.#tokens.verify(token);
    if (recognised.ok) return recognised;
    return { ok: false, why: `the token that ${peerText(transport)} sends is refused: ${recognised.why}` };
  }
}
