import { z } from 'zod';
import type { Overload, OverloadAction } from '../policy.ts';
import { mapping, nonEmptyList, oneOf, positiveNumber, refuse } from './shape.ts';
import { exactlyOneOf, SPELLINGS } from './spelling.ts';
import { durationOrNone, percent } from './units.ts';
import { className, label } from './words.ts';

const MAX_SATURATION = 10;

const action = mapping({
  shed: mapping({ class: className(), upTo: percent() }).exactOptional(),
  degrade: mapping({ class: className(), toPool: label(), upTo: percent().prefault('100%') }).exactOptional(),
})
  .superRefine((value, context) => {
    const given = Object.keys(value);
    if (given.length === 0) refuse(context, [], 'shed or degrade');
    else if (given.length > 1) refuse(context, [given[1] as string], 'either shed or degrade in one action, not both');
  })
  .register(SPELLINGS, exactlyOneOf('shed', 'degrade'))
  .transform(({ shed, degrade }): OverloadAction => {
    if (degrade === undefined) return { kind: 'Shed', class: shed?.class ?? '', upToPercent: shed?.upTo ?? 0 };
    return { kind: 'Degrade', class: degrade.class, toPool: degrade.toPool, upToPercent: degrade.upTo };
  });

/** What to give up first when the service is saturated. */
export const overload: z.ZodType<Overload> = mapping({
  enterAt: positiveNumber(MAX_SATURATION),
  leaveAt: positiveNumber(MAX_SATURATION),
  actions: nonEmptyList(action, 'a list of at least one action'),
}).superRefine(({ enterAt, leaveAt }, context) => {
  if (leaveAt >= enterAt) refuse(context, ['leaveAt'], `less than enterAt, which is ${enterAt}`);
});

/** Waiting room in the sidecar; accepted, not enforced yet. */
export const admissionQueue: z.ZodType<unknown> = mapping({
  mode: oneOf(['Active', 'Disabled']).default('Disabled'),
  maxWait: z
    .record(className(), durationOrNone(600_000), { error: 'a mapping of classes to durations' })
    .exactOptional(),
});
