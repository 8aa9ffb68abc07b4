import { LoadlineError } from '../../base/errors.ts';
import { loadWasm } from '../../base/wasm/index.ts';
import {
  type Action,
  type CedarEntity,
  cedarAction,
  cedarPolicies,
  cedarPrincipal,
  cedarResource,
  namedServices,
  type Peer,
  type Resource,
} from '../../core/access/index.ts';
import type { AccessPolicy } from '../../core/policy/index.ts';

type Cedar = typeof import('@cedar-policy/cedar-wasm/nodejs');

/** Callers, actions and services that are met again; beyond it the memory starts anew. */
const MAX_REMEMBERED = 20_000;

/**
 * Decides with the Cedar engine whether somebody may do something. Denies by default: also before there is a policy, and
 * when the engine fails. Decisions are remembered until the policy changes, because they are pure and a list asks for
 * each of its services.
 */
export class Authority {
  readonly #cedar: Cedar;
  /** The engine keeps parsed policies by name; each instance has its own. */
  readonly #id: string;
  readonly #remembered = new Map<string, boolean>();
  #named: ReadonlySet<string> = new Set();
  #ready = false;

  constructor() {
    instances += 1;
    this.#id = `loadline-${instances}`;
    // The package has its Node build for `require` alone.
    this.#cedar = loadWasm<Cedar>('@cedar-policy/cedar-wasm/nodejs', import.meta.url);
  }

  /** @throws LoadlineError LOADLINE_ACCESS when the engine does not take the policy; the one before stays in force. */
  use(policy: AccessPolicy): void {
    const answer = this.#cedar.preparsePolicySet(this.#id, { staticPolicies: cedarPolicies(policy) as never });
    if (answer.type === 'failure') {
      const why = answer.errors.map(({ message }) => message).join('; ');
      throw new LoadlineError('LOADLINE_ACCESS', `the authorisation engine refuses the access policy: ${why}`);
    }
    this.#remembered.clear();
    this.#named = namedServices(policy);
    this.#ready = true;
  }

  may(peer: Peer, action: Action, resource: Resource): boolean {
    if (peer.kind === 'Development') return true;
    if (!this.#ready) return false;
    const principal = cedarPrincipal(peer);
    const object = cedarResource(this.#standIn(resource));
    const key = JSON.stringify([principal.uid, principal.attrs, action, object.uid]);
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    const allowed = this.#decide(principal, action, object);
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(key, allowed);
    return allowed;
  }

  namedServices(): Iterable<string> {
    return this.#named;
  }

  /** A fleet has more services than its access policy names. */
  #standIn(resource: Resource): Resource {
    return resource.kind === 'Server' || this.#named.has(resource.name) ? resource : { kind: 'Service', name: '' };
  }

  #decide(principal: CedarEntity, action: Action, resource: CedarEntity): boolean {
    const answer = this.#cedar.statefulIsAuthorized({
      principal: principal.uid,
      action: cedarAction(action),
      resource: resource.uid,
      context: {},
      preparsedPolicySetId: this.#id,
      entities: [principal, resource] as never,
    });
    // A policy whose evaluation fails permits nothing; the others still count.
    return answer.type === 'success' && answer.response.decision === 'allow';
  }
}

let instances = 0;
