import type { Shift } from '../core/control/index.ts';
import { TYPE_SHORT } from '../core/resources/index.ts';
import type { Delivery, NodePresence } from '../core/topology/index.ts';
import type { ServiceDecision } from '../core/weights/index.ts';
import type { NewEvent } from '../edge/observe/index.ts';

/** What an operator may ask about later: sidecars that came and went, and what they refused. */
export function timelineEvent(word: Delivery | NodePresence): NewEvent | undefined {
  const { nodeId: subject, kind, atMs } = word;
  switch (kind) {
    case 'Connected':
    case 'Disconnected': {
      const { group, envoyVersion } = word;
      return { atMs, kind: `Node${kind}`, subject, message: `group ${group}`, fields: { group, envoy: envoyVersion } };
    }
    case 'Nacked': {
      const resources = word.resources.map(({ name }) => name).join(' ');
      const type = TYPE_SHORT[word.typeUrl] ?? word.typeUrl;
      const fields = { type, resources, ...culpritFields(word.culprits ?? []) };
      // Envoy's text begins with a dump of the resource; the reason is at its end.
      return { atMs, kind: 'Nack', subject, message: (word.message ?? '').slice(-600), fields };
    }
    default:
      return undefined;
  }
}

/** A share that moved, why, and how fast the requests followed it. */
export function shiftEvent(shift: Shift, atMs: number): NewEvent {
  const { endpoint, cause, before, after, decidedMs, ackedMs, medianAckedMs, unacked, t50Ms, t90Ms, beyondRatio } =
    shift;
  const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;
  const seconds = (ms: number | undefined, digits = 0): string =>
    ms === undefined ? 'never' : `${(ms / 1000).toFixed(digits)} s`;
  const missing = unacked === 0 ? '' : ` (not by ${unacked})`;
  return {
    atMs,
    kind: 'Shift',
    subject: endpoint,
    message:
      `share ${percent(before)} to ${percent(after)}, by ${CAUSE_WORDS[cause]}; since it was sensed: decided ${seconds(decidedMs)}, ` +
      `acked ${seconds(ackedMs, 2)}${missing}, half ${seconds(t50Ms)}, nine tenths ${seconds(t90Ms)}`,
    fields: {
      cause,
      before,
      after,
      beyondRatio,
      decidedMs: decidedMs ?? null,
      ackedMs: ackedMs ?? null,
      medianAckedMs: medianAckedMs ?? null,
      unacked,
      t50Ms: t50Ms ?? null,
      t90Ms: t90Ms ?? null,
    },
  };
}

const CAUSE_WORDS: Readonly<Record<Shift['cause'], string>> = {
  Load: 'load',
  Policy: 'an edit of the policy',
  Membership: 'endpoints that came or went',
};

/** Weights and in-flight chased each other. */
export function herdEvent({ service, loop }: ServiceDecision, atMs: number): NewEvent {
  const damping = loop?.damping ?? 1;
  return {
    atMs,
    kind: 'Herd',
    subject: service,
    message: `weights and requests in flight chase each other: the gain is halved (it was ${damping.toFixed(2)} of its formula), and recovers by a tenth a minute`,
    fields: { damping, delaySec: loop?.delaySec ?? null },
  };
}

/** What was refused, and where the policy asks for it; nothing while the culprit is sought. */
function culpritFields(culprits: NonNullable<Delivery['culprits']>): NonNullable<NewEvent['fields']> {
  const words = {
    refused: culprits.map(({ name }) => name),
    origin: culprits.flatMap(({ origin }) => origin ?? []),
    revision: culprits.flatMap(({ revision }) => revision ?? []),
  };
  const said = Object.entries(words).filter(([, list]) => list.length > 0);
  return Object.fromEntries(said.map(([field, list]) => [field, [...new Set(list)].join(' ')]));
}
