import { LoadlineError } from '../base/errors.ts';
import type { Action, Peer, Resource } from '../core/access/index.ts';
import { formatIssue, loadAccessPolicy, type Policy } from '../core/policy/index.ts';
import { AccessControl } from '../edge/access/index.ts';
import type { AccessSeam, Recognised } from '../edge/admin/index.ts';
import type { Log } from '../edge/observe/index.ts';
import type { OutboundGuard } from '../edge/outbound/index.ts';
import { HttpPageFetcher } from '../edge/signals/index.ts';
import { type PolicyRead, PolicyWatch, readPolicyFiles } from '../edge/store/index.ts';

export type AccessKeeperOptions = {
  /** File of the access policy; undefined: nobody may use the admin API. */
  readonly path: string | undefined;
  readonly guard: OutboundGuard;
  readonly clock: () => number;
  readonly log: Log;
  /** The policy in force, and the one that canaries try. */
  readonly policies: () => readonly Policy[];
  /** The group of a sidecar that is connected. */
  readonly groupOfNode: (node: string) => string | undefined;
  readonly meter: {
    refused(reason: 'Unauthenticated' | 'Denied'): void;
    reloaded(outcome: 'accepted' | 'refused'): void;
  };
};

/** Keeps the access policy in force: read at the start, and again when its file changes. A bad new one changes nothing. */
export class AccessKeeper implements AccessSeam {
  readonly #options: AccessKeeperOptions;
  readonly #fetcher: HttpPageFetcher;
  readonly #control: AccessControl;
  #watch: PolicyWatch | undefined;

  constructor(options: AccessKeeperOptions) {
    const { guard, clock, log } = options;
    this.#options = options;
    this.#fetcher = new HttpPageFetcher({ guard });
    this.#control = new AccessControl({
      fetcher: this.#fetcher,
      clock,
      keys: (issuer, problem) => {
        if (problem === undefined) log.debug({ issuer }, 'keys of an issuer were read');
        else log.warn({ issuer, problem }, 'keys of an issuer cannot be read');
      },
    });
  }

  /** @throws LoadlineError LOADLINE_ACCESS when the first access policy cannot be used */
  start(): void {
    const { path, log } = this.#options;
    if (path === undefined) {
      log.warn({}, 'nobody may use the admin API: give an access policy with --access');
      return;
    }
    const first = readPolicyFiles(path);
    const problems = this.#take(first);
    if (problems.length > 0)
      throw new LoadlineError('LOADLINE_ACCESS', `the access policy cannot be used:\n${problems.join('\n')}`);
    this.#watch = new PolicyWatch(path, first, (read) => this.#reload(read));
    this.#watch.start();
  }

  stop(): void {
    this.#watch?.stop();
    this.#fetcher.close();
  }

  recognise(transport: Peer, authorization: readonly string[]): Recognised | Promise<Recognised> {
    return this.#control.recognise(transport, authorization);
  }

  may(peer: Peer, action: Action, resource: Resource): boolean {
    return this.#control.may(peer, action, resource);
  }

  /** Those that bindings name count before there is such a service: else nobody could apply the first. */
  services(): readonly string[] {
    const existing = this.#options.policies().flatMap(({ services }) => services.map(({ name }) => name));
    return [...new Set([...existing, ...this.#control.namedServices()])];
  }

  /** Those that canaries of the group have already count: who asks for what a sidecar has may be shown them. */
  servicesOfGroup(group: string): readonly string[] {
    const groups = this.#options.policies().flatMap((policy) => policy.groups.filter(({ name }) => name === group));
    return [...new Set(groups.flatMap(({ modelServices }) => modelServices))];
  }

  groupOfNode(node: string): string | undefined {
    return this.#options.groupOfNode(node);
  }

  refused(reason: 'Unauthenticated' | 'Denied'): void {
    this.#options.meter.refused(reason);
  }

  #reload(read: PolicyRead): void {
    const { log, meter } = this.#options;
    const problems = this.#take(read);
    meter.reloaded(problems.length === 0 ? 'accepted' : 'refused');
    if (problems.length > 0) log.error({ problems }, 'the new access policy is refused; the one before stays in force');
  }

  /** Why it was not taken; empty when it is in force. */
  #take(read: PolicyRead): readonly string[] {
    if (!read.ok) return [read.reason];
    const [file, second] = read.files;
    if (file === undefined || second !== undefined) return ['expected one file, and not a folder of several'];
    const result = loadAccessPolicy(file);
    if (!result.ok) return result.issues.map(formatIssue);
    try {
      this.#control.use(result.value);
    } catch (error) {
      if (!(error instanceof LoadlineError)) throw error;
      return [error.message];
    }
    const { revision, bindings, issuers } = result.value;
    this.#options.log.info(
      { file: file.name, revision, bindings: bindings.length, issuers: issuers.length },
      'access policy loaded',
    );
    return [];
  }
}
