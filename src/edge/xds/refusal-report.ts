import { type Resource, TYPE_SHORT } from '../../core/resources/index.ts';
import type { Delivery } from '../../core/topology/index.ts';
import { policyPlace } from './policy-place.ts';
import type { Inbox, XdsLog } from './seams.ts';

/** What a client refused. */
export type Refused = {
  readonly nodeId: string;
  readonly typeUrl: string;
  /** Of the response; a removal has version ''. */
  readonly resources: Delivery['resources'];
  /** Those at fault; none while they are sought. */
  readonly culprits: readonly Resource[];
  readonly message: string;
  readonly atMs: number;
  readonly latencyMs?: number;
};

/** Envoy's text begins with a dump of the resource; the reason is at its end. */
const MAX_LOGGED = 600;

/** Tells the log and the inbox, with the place in the policy and its revision: that is where somebody must look. */
export function reportRefusal({ log, inbox }: { readonly log: XdsLog; readonly inbox: Inbox }, refused: Refused): void {
  const { nodeId, typeUrl, resources, message, atMs, latencyMs } = refused;
  const culprits = refused.culprits.map((culprit) => ({ name: culprit.name, ...policyPlace(culprit) }));
  log.warn(
    {
      node: nodeId,
      type: TYPE_SHORT[typeUrl] ?? typeUrl,
      resource: listed(culprits.map(({ name }) => name)),
      origin: listed(culprits.flatMap(({ origin }) => origin ?? [])),
      revision: listed(culprits.flatMap(({ revision }) => revision ?? [])),
      resources: resources.length,
      detail: message.slice(-MAX_LOGGED),
    },
    whatHappened(refused),
  );
  inbox.delivery({
    nodeId,
    typeUrl,
    kind: 'Nacked',
    resources: resources.map(({ name, version }) => ({ name, version })),
    atMs,
    ...(latencyMs === undefined ? {} : { latencyMs }),
    message,
    culprits,
  });
}

function whatHappened({ culprits, resources }: Refused): string {
  if (culprits.length > 0) return 'resource refused by envoy';
  if (resources.every(({ version }) => version === '')) return 'removal refused by envoy';
  return 'response refused by envoy; its resources are tried apart';
}

/** Each once. */
function listed(words: readonly string[]): string | undefined {
  return words.length === 0 ? undefined : [...new Set(words)].join(' ');
}
