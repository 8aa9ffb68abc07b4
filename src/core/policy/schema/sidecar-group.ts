import type { z } from 'zod';
import type { Listener, SidecarGroup } from '../policy.ts';
import { documentOf } from './document.ts';
import { ipAddress } from './ip-address.ts';
import { list, mapping, nonEmptyList, oneOf, port, wholeNumber } from './shape.ts';
import { duration, percent } from './units.ts';
import { className, label, spiffePattern } from './words.ts';

export type GroupSpec = Omit<SidecarGroup, 'name' | 'origin' | 'listeners'> & {
  readonly listeners: readonly Omit<Listener, 'origin'>[];
};

const listener: z.ZodType<Omit<Listener, 'origin'>> = mapping({
  name: label(),
  address: ipAddress('Listen'),
  port: port(),
});

/** How a change of policy spreads over the group; accepted, not enforced yet. */
const rollout = mapping({
  canary: percent().exactOptional(),
  minNodes: wholeNumber(1, 1_000_000).exactOptional(),
  hold: duration(1).exactOptional(),
  haltOn: list(oneOf(['Nack', 'ErrorBurn', 'CanaryLost']), 'a list of events').exactOptional(),
});

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
}).transform(({ rollout: _notEnforcedYet, ...enforced }) => enforced);

export const sidecarGroup: z.ZodType<{ metadata: { name: string }; spec: GroupSpec }> = documentOf(
  'SidecarGroup',
  spec,
);
