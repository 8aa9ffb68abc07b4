import type { z } from 'zod';
import type { KeepWarm } from '../policy.ts';
import { mapping, matching, port, readText, refuse } from './shape.ts';
import { exactlyOneOf, SPELLINGS } from './spelling.ts';
import { duration } from './units.ts';
import { urlPath } from './words.ts';

const MIN_INTERVAL_MS = 1000;
const MAX_INTERVAL_MS = 86_400_000;
const MAX_TIMEOUT_MS = 600_000;
const PROMPT = 'warm';

/**
 * Every engine with OpenAI's API answers `/v1/completions` with these three; not all of them do without `model`. What has
 * another API has a body of its own.
 */
function completionOf(model: string): string {
  return JSON.stringify({ model, prompt: PROMPT, max_tokens: 1 });
}

const body: z.ZodType<string> = readText(
  'a JSON object as text, such as \'{"inputs":"warm","parameters":{"max_new_tokens":1}}\'',
  (text) => (isJsonObject(text) ? text : undefined),
);

export const keepWarm: z.ZodType<KeepWarm> = mapping({
  model: matching(/^[ -~]{1,256}$/, 'the name by which the engine knows its model').exactOptional(),
  body: body.exactOptional(),
  path: urlPath('Page').prefault('/v1/completions'),
  port: port().exactOptional(),
  interval: duration(MIN_INTERVAL_MS, MAX_INTERVAL_MS).prefault('1m'),
  timeout: duration(100, MAX_TIMEOUT_MS).prefault('30s'),
  slowAbove: duration(1, MAX_TIMEOUT_MS).exactOptional(),
})
  .superRefine((value, context) => {
    if (value.model === undefined && value.body === undefined) {
      refuse(context, [], 'model or body', 'model: NAME asks for one token of a completion');
    } else if (value.model !== undefined && value.body !== undefined) {
      refuse(context, ['body'], 'either model or body, not both', 'the body names the model itself');
    }
    if (value.slowAbove !== undefined && value.slowAbove > value.timeout) {
      refuse(context, ['slowAbove'], 'at most the timeout', 'after that the answer is not waited for');
    }
  })
  .register(SPELLINGS, exactlyOneOf('model', 'body'))
  .transform(({ model = '', body: given, path, port: own, interval, timeout, slowAbove }) => ({
    path,
    body: given ?? completionOf(model),
    ...(own === undefined ? {} : { port: own }),
    intervalMs: interval,
    timeoutMs: timeout,
    ...(slowAbove === undefined ? {} : { slowAboveMs: slowAbove }),
  }));

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    // The caller says what was expected.
    return false;
  }
}
