import type { z } from 'zod';
import type { TrafficClass, TrafficClasses } from '../policy.ts';
import { documentOf } from './document.ts';
import { mapping, nonEmptyList, oneOf, refuse } from './shape.ts';
import { percent } from './units.ts';
import { classHeader, className, timeOfDay, timeZone } from './words.ts';

export type ClassesSpec = Omit<TrafficClasses, 'name' | 'origin'>;

const window = mapping({ from: timeOfDay(), to: timeOfDay(), timeZone: timeZone() }).superRefine(
  ({ from, to }, context) => {
    if (from !== to) return;
    const hint = 'it might mean all day, for which no window is needed, or never';
    refuse(context, ['to'], `another time than from, which is "${from}"`, hint);
  },
);

const trafficClass: z.ZodType<TrafficClass> = mapping({
  name: className(),
  /** Share of the limits that only this class may use. */
  reserve: percent().default(0),
  shed: oneOf(['Never', 'First']).exactOptional(),
  window: window.exactOptional(),
}).transform(
  ({ name, reserve: reservePercent, shed, window: open }): TrafficClass => ({
    name,
    reservePercent,
    shed: shed ?? 'Default',
    ...(open === undefined
      ? {}
      : { window: { fromMinute: minuteOf(open.from), toMinute: minuteOf(open.to), timeZone: open.timeZone } }),
  }),
);

function minuteOf(time: string): number {
  return 60 * Number(time.slice(0, 2)) + Number(time.slice(3));
}

const classes: z.ZodType<readonly TrafficClass[]> = nonEmptyList(
  trafficClass,
  'a list of at least one class',
).superRefine((items, context) => {
  let reserved = 0;
  for (const [index, item] of items.entries()) {
    reserved += item.reservePercent;
    if (reserved >= 100) {
      refuse(context, [index, 'reserve'], `reserves below 100% together (here ${reserved}%)`);
      return;
    }
  }
});

const spec: z.ZodType<ClassesSpec> = mapping({ header: classHeader(), classes });

export const trafficClasses: z.ZodType<{ metadata: { name: string }; spec: ClassesSpec }> = documentOf(
  'TrafficClasses',
  spec,
);
