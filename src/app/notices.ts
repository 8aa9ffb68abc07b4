import { contentHash, type Issue, type Result } from '../base/units/index.ts';
import { type Peer, peerText } from '../core/access/index.ts';
import { endpointsOn, interruptionAt, machineText, type Notice, type Withdrawal } from '../core/operations/index.ts';
import { type Endpoint, hostPort } from '../core/topology/index.ts';
import type { AccessSeam } from '../edge/admin/index.ts';
import type { NoticeDoor, NoticeGiver, NoticeTaken, OperationView } from '../edge/observe/index.ts';
import type { ControlLoop } from './control-loop.ts';
import type { Operations } from './operations.ts';

export type NoticesOptions = {
  readonly loop: Pick<ControlLoop, 'plan'>;
  readonly operations: Pick<Operations, 'begin' | 'cancel' | 'noticed' | 'noticedBy'>;
  /** Who may give notices. Undefined until the server has opened it, and with `--dev`. */
  readonly access: () => AccessSeam | undefined;
  /** `--dev`: everybody on this machine may. */
  readonly isOpen: boolean;
  readonly now: () => number;
};

const WITHDRAWN = 'its notice was withdrawn: the machine stays';

/** Of a listener that sees no certificates. */
const STRANGER: Peer = { kind: 'Certificate', spiffeId: undefined };

/**
 * Makes drains of notices that a machine goes away: one for each endpoint on it, of every service. They are begun everywhere at
 * once, because the machine does not wait for canaries.
 */
export class Notices implements NoticeDoor {
  readonly #options: NoticesOptions;

  constructor(options: NoticesOptions) {
    this.#options = options;
  }

  nowMs(): number {
    return Math.round(this.#options.now());
  }

  async recognise(authorization: string | undefined): ReturnType<NoticeDoor['recognise']> {
    const { isOpen } = this.#options;
    if (isOpen) return { ok: true, giver: { author: peerText({ kind: 'Development' }), mayFor: () => true } };
    const access = this.#options.access();
    if (access === undefined) return { ok: false, status: 403, why: 'nobody may give notices yet: the server starts' };
    if (authorization === undefined) {
      access.refused('Unauthenticated');
      return { ok: false, status: 401, why: 'a notice needs a token: authorization: Bearer TOKEN' };
    }
    const recognised = await access.recognise(STRANGER, [authorization]);
    if (!recognised.ok) {
      access.refused('Unauthenticated');
      return { ok: false, status: 401, why: recognised.why };
    }
    const { peer } = recognised;
    const mayFor = (name: string): boolean => access.may(peer, 'GiveNotice', { kind: 'Service', name });
    if (access.may(peer, 'GiveNotice', { kind: 'Server' }) || access.services().some(mayFor))
      return { ok: true, giver: { author: peerText(peer), mayFor } };
    access.refused('Denied');
    return {
      ok: false,
      status: 403,
      why: `${peerText(peer)} may give no notices: it lacks the role Agent (or Operator)`,
    };
  }

  async take(notice: Notice, { author, mayFor }: NoticeGiver): Promise<Result<NoticeTaken>> {
    const { plan } = this.#options.loop;
    const all = Object.entries(plan?.endpoints ?? {}).flatMap(([service, endpoints]) =>
      mayFor(service) ? endpointsOn(notice.machine, endpoints) : [],
    );
    const endpoints = all.filter(({ leavingSinceMs }) => leavingSinceMs === undefined);
    if (endpoints.length === 0) return { ok: false, issues: [unknown(notice)] };
    const operations = new Map<string, OperationView>();
    const notes = new Set<string>();
    const issues: Issue[] = [];
    for (const endpoint of endpoints) {
      const begun = await this.#drain(endpoint, notice, author);
      if (!begun.ok) {
        issues.push(...begun.issues);
        continue;
      }
      operations.set(begun.value.operation.id, begun.value.operation);
      for (const one of begun.value.notes) notes.add(one);
    }
    // What one of them is refused for, the others need not wait for.
    if (operations.size === 0) return { ok: false, issues };
    for (const { message } of issues) notes.add(message);
    return { ok: true, value: { operations: [...operations.values()], notes: [...notes] }, warnings: [] };
  }

  async withdraw({ machine, reason }: Withdrawal, { author, mayFor }: NoticeGiver): Promise<Result<NoticeTaken>> {
    const { loop, operations } = this.#options;
    const ended: OperationView[] = [];
    const notes = new Set<string>();
    for (const [service, endpoints] of Object.entries(loop.plan?.endpoints ?? {})) {
      if (!mayFor(service)) continue;
      for (const endpoint of endpointsOn(machine, endpoints))
        for (const id of operations.noticedBy(endpoint, author, reason)) {
          const cancelled = await operations.cancel(id, WITHDRAWN, author);
          if (!cancelled.ok) return cancelled;
          ended.push(cancelled.value.operation);
          for (const one of cancelled.value.notes) notes.add(one);
        }
    }
    return { ok: true, value: { operations: ended, notes: [...notes] }, warnings: [] };
  }

  async #drain(
    endpoint: Endpoint,
    { atMs, reason }: Notice,
    author: string,
  ): Promise<Result<{ readonly operation: OperationView; readonly notes: readonly string[] }>> {
    const { operations } = this.#options;
    const known = operations.noticed(endpoint, atMs);
    if (known !== undefined) return { ok: true, value: { operation: known, notes: [] }, warnings: [] };
    const { service, pool, address, port } = endpoint;
    const { interruption, endsAtMs } = interruptionAt(atMs, this.nowMs());
    const where = hostPort(address, port);
    return operations.begin(
      {
        what: {
          kind: 'Drain',
          service,
          pool,
          endpoint: where,
          reason,
          force: false,
          now: true,
          interruption,
          // Whoever cancels it is not overruled by the same notice once more; one for another reason is another.
          idempotencyKey: `notice-${where}-${atMs}-${contentHash(reason)}`,
        },
        end: { kind: 'At', atMs: endsAtMs },
        dryRun: false,
      },
      author,
    );
  }
}

function unknown({ machine }: Notice): Issue {
  const hint =
    machine.kind === 'Instance'
      ? 'the policy names machines with `instance` of an endpoint; or give the address'
      : 'loadline status lists the endpoints';
  return { code: 'NotFound', path: '', message: `no endpoint is known at ${machineText(machine)}`, hint };
}
