import type { Result } from '../../base/units/index.ts';
import type { NodeConfigView, ProxyConfigTarget, ProxyConfigView } from './proxy-config-view.ts';
import { XDS_TYPES } from './xds-types.ts';

export type ProxyConfigInput = {
  readonly nowMs: number;
  readonly policyRevision: string;
  /** The sidecar; undefined when it is not connected. */
  readonly node: NodeConfigView | undefined;
  /** Ids of those that are. */
  readonly connected: () => readonly string[];
};

/** Enough to see how they are called. */
const IDS_SHOWN = 5;

/**
 * @returns what the sidecar has and should have, or one issue: `NotFound` with some of the ids that are connected, `Invalid`
 * for a type that there is not.
 */
export function buildProxyConfigView(input: ProxyConfigInput, target: ProxyConfigTarget): Result<ProxyConfigView> {
  const { node, nowMs, policyRevision } = input;
  const { type } = target;
  if (type !== undefined && !XDS_TYPES.includes(type)) {
    return refused('Invalid', 'type', `no type ${JSON.stringify(type)}; there are: ${XDS_TYPES.join(', ')}`);
  }
  if (node === undefined) return refused('NotFound', 'node', notConnected(target.node, input.connected()));
  const types = type === undefined ? node.types : node.types.filter((one) => one.type === type);
  return { ok: true, warnings: [], value: { ...node, types, nowMs, policyRevision } };
}

function refused(code: string, path: string, message: string): Result<ProxyConfigView> {
  return { ok: false, issues: [{ code, path, message }] };
}

/** Those whose ids begin like the one that was asked for come first: it is most often misspelt at its end. */
export function notConnected(id: string, connected: readonly string[]): string {
  const subject = `no sidecar ${JSON.stringify(id)} is connected`;
  if (connected.length === 0) return `${subject}; none is`;
  const ids = [...connected].sort((a, b) => commonLength(b, id) - commonLength(a, id) || (a < b ? -1 : 1));
  const more = ids.length - IDS_SHOWN;
  return `${subject}; there are: ${ids.slice(0, IDS_SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function commonLength(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}
