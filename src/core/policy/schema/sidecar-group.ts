import type { z } from 'zod';
import type { Listener, RolloutStrategy, SidecarGroup } from '../policy.ts';
import { documentOf } from './document.ts';
import { ipAddress } from './ip-address.ts';
import { list, mapping, nonEmptyList, oneOf, port, wholeNumber } from './shape.ts';
import { duration, percent } from './units.ts';
import { className, label, nodeId, spiffePattern } from './words.ts';

export type GroupSpec = Omit<SidecarGroup, 'name' | 'origin' | 'listeners'> & {
  readonly listeners: readonly Omit<Listener, 'origin'>[];
};

const listener: z.ZodType<Omit<Listener, 'origin'>> = mapping({
  name: label(),
  address: ipAddress('Listen'),
  port: port(),
});

const HALT_EVENTS = ['Nack', 'ErrorBurn', 'CanaryLost'] as const;

const rollout: z.ZodType<RolloutStrategy> = mapping({
  canary: percent().prefault('5%'),
  minNodes: wholeNumber(1, 1_000_000).default(1),
  nodes: nonEmptyList(nodeId(), 'a list of at least one node.id').default(() => []),
  hold: duration(1).prefault('30s'),
  haltOn: list(oneOf(HALT_EVENTS), 'a list of events').default(() => [...HALT_EVENTS]),
}).transform(({ canary, minNodes, nodes, hold, haltOn }) => ({
  canaryPercent: canary,
  minNodes,
  nodes,
  holdMs: hold,
  haltOn,
}));

const spec: z.ZodType<GroupSpec> = mapping({
  identities: nonEmptyList(spiffePattern(), 'a list of at least one SPIFFE ID').default(() => []),
  listeners: nonEmptyList(listener, 'a list of at least one listener'),
  modelServices: nonEmptyList(label(), 'a list of at least one ModelService name'),
  trafficClasses: mapping({
    use: label(),
    allow: nonEmptyList(className(), 'a list of at least one class'),
    default: className(),
  }).exactOptional(),
  envoyAdmin: mapping({ port: port().exactOptional() }).exactOptional(),
  rollout: rollout.exactOptional(),
});

export const sidecarGroup: z.ZodType<{ metadata: { name: string }; spec: GroupSpec }> = documentOf(
  'SidecarGroup',
  spec,
);
