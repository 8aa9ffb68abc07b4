import type { z } from 'zod';
import type { TrafficClasses } from '../policy.ts';
import { documentOf } from './document.ts';
import { mapping, nonEmptyList, oneOf, refuse } from './shape.ts';
import { percent } from './units.ts';
import { className, headerName, timeOfDay, timeZone } from './words.ts';

export type ClassesSpec = Omit<TrafficClasses, 'name' | 'origin'>;

type ClassSpec = { name: string; reserve?: number };

const trafficClass: z.ZodType<ClassSpec> = mapping({
  name: className(),
  /** Share of `maxRequests` that only this class may use. */
  reserve: percent().exactOptional(),
  shed: oneOf(['Never', 'First']).exactOptional(),
  window: mapping({ from: timeOfDay(), to: timeOfDay(), timeZone: timeZone() }).exactOptional(),
});

const classes: z.ZodType<readonly ClassSpec[]> = nonEmptyList(trafficClass, 'a list of at least one class').superRefine(
  (items, context) => {
    let reserved = 0;
    for (const [index, item] of items.entries()) {
      reserved += item.reserve ?? 0;
      if (reserved > 100) {
        refuse(context, [index, 'reserve'], `reserves of at most 100% together (here ${reserved}%)`);
        return;
      }
    }
  },
);

const spec: z.ZodType<ClassesSpec> = mapping({ header: headerName(), classes }).transform(
  ({ header, classes: all }) => ({
    header,
    classes: all.map(({ name }) => ({ name })),
  }),
);

export const trafficClasses: z.ZodType<{ metadata: { name: string }; spec: ClassesSpec }> = documentOf(
  'TrafficClasses',
  spec,
);
