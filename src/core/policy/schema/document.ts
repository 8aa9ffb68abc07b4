import { z } from 'zod';
import { mapping } from './shape.ts';
import { label } from './words.ts';

export const API_VERSION = 'loadline.dev/v1alpha1';

/** What every document has around its spec. */
export function documentOf<T>(kind: string, spec: z.ZodType<T>): z.ZodType<{ metadata: { name: string }; spec: T }> {
  return mapping({
    apiVersion: z.literal(API_VERSION, { error: API_VERSION }),
    kind: z.literal(kind, { error: kind }),
    metadata: mapping({ name: label() }),
    spec,
  });
}
