import { type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { type Peer, peerText } from '../../core/access/index.ts';
import type { Log, RolloutView } from '../observe/index.ts';
import type { Permit } from './gate.ts';
import { encodeRollout } from './rollout-message.ts';
import { text, type Wire } from './wire-values.ts';

export type RolloutAction = 'Promote' | 'Abort' | 'Retry' | 'Force';

/** What the Rollouts service asks and changes. Called on each request; must not block. */
export interface RolloutSeam {
  view(): RolloutView;
  /** @returns why it cannot be done now, in words; undefined when it is done */
  act(action: RolloutAction, reason: string, by: string): string | undefined;
  now(): number;
}

type UnaryHandler = (call: ServerUnaryCall<Wire, Wire>, callback: sendUnaryData<Wire>, permit: Permit) => void;

const MAX_REASON_CHARS = 1000;

export function rolloutHandlers(seam: RolloutSeam, log: Log): Readonly<Record<string, UnaryHandler>> {
  const acting =
    (action: RolloutAction): UnaryHandler =>
    ({ request }, callback, { peer }) => {
      const reason = text(request.reason).trim();
      if (reason === '' || reason.length > MAX_REASON_CHARS) {
        const details = `reason: expected why, in 1 to ${MAX_REASON_CHARS} characters`;
        callback({ code: status.INVALID_ARGUMENT, details });
        return;
      }
      const refusal = seam.act(action, reason, who(peer));
      if (refusal === undefined) {
        log.warn({ action, by: who(peer), reason }, 'rollout changed by hand');
        callback(null, encodeRollout(seam.view(), seam.now()));
      } else callback({ code: status.FAILED_PRECONDITION, details: refusal });
    };
  return {
    get: (_call, callback, permit) => callback(null, encodeRollout(visible(seam.view(), permit), seam.now())),
    promote: acting('Promote'),
    abort: acting('Abort'),
    retry: acting('Retry'),
    force: acting('Force'),
  };
}

function who(peer: Peer): string {
  return peer.kind === 'Development' ? 'local' : peerText(peer);
}

/** Groups all of whose services the reader may view; words of Envoy's are for who may view everything. */
function visible(view: RolloutView, permit: Permit): RolloutView {
  if (permit.everywhere) return view;
  const mayView = (group: string): boolean => {
    const services = permit.servicesOfGroup(group);
    return services.length > 0 && services.every((service) => permit.mayFor(service));
  };
  const { running, waiting, byHand } = view;
  // An id does not say of which service it is; the list of operations has those that the reader may see.
  const triedIn = byHand?.groups.filter(({ group }) => mayView(group)) ?? [];
  return {
    running: running && { ...running, groups: running.groups.filter(({ group }) => mayView(group)) },
    waiting,
    byHand: byHand === null || triedIn.length === 0 ? null : { ...byHand, operations: [], groups: triedIn },
    last: undefined,
  };
}
