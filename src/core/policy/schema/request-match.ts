import type { z } from 'zod';
import type { HeaderMatch, RequestMatch } from '../request-match.ts';
import { mapping, matching, nonEmptyList, refuse } from './shape.ts';
import { matchedHeader, urlPath } from './words.ts';

const header: z.ZodType<HeaderMatch> = mapping({
  name: matchedHeader(),
  exact: matching(/^[!-~](?:[ -~]{0,1022}[!-~])?$/, 'the whole value of the header, without spaces around it'),
});

const model = matching(/^[!-~]{1,256}$/, 'the name of a model as clients write it, such as llama-70b');

export const requestMatch: z.ZodType<RequestMatch> = mapping({
  pathPrefix: urlPath('Prefix').exactOptional(),
  path: urlPath('Exact').exactOptional(),
  headers: nonEmptyList(header, 'a list of at least one header').exactOptional(),
  models: nonEmptyList(model, 'a list of at least one model').exactOptional(),
})
  .prefault({})
  .superRefine(({ path, pathPrefix }, context) => {
    if (path === undefined || pathPrefix === undefined) return;
    refuse(context, ['pathPrefix'], 'either path or pathPrefix, not both', 'path is the whole of it');
  })
  .transform(({ path, pathPrefix = '/', ...rest }) => ({
    ...(path === undefined ? { pathPrefix } : { path }),
    ...rest,
  }));
