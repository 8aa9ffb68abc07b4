import type { JsonObject } from '../../base/codec/index.ts';
import type { RequestMatch } from '../policy/index.ts';
import { any, extension, setHeader } from './message.ts';

const BUFFER = 'envoy.extensions.filters.http.buffer.v3.Buffer';
const JSON_TO_METADATA = 'envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata';
const FILTER_CONFIG = 'envoy.config.route.v3.FilterConfig';

const BUFFER_NAME = 'loadline.body';
const READER_NAME = 'loadline.model';
const NAMESPACE = 'loadline';
const KEY = 'model';

/** A list of types would mean these and no others, to the letter: many clients write `application/json; charset=utf-8`. */
const JSON_TYPE = '(?i)application/json[ \\t]*(;.*)?';

/** As much as is kept of a request for a retry. A longer one is refused with 413. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/**
 * Before 1.38 Envoy puts no bound on how deep JSON is nested and overflows its stack at some 100,000 levels (measured: 1.36.4
 * and 1.37.0 end with SIGSEGV), which a megabyte of brackets is enough for. 64 KiB of them fit into a quarter of 8 MiB of stack.
 */
const MAX_BODY_BYTES_BEFORE_1_38 = 64 * 1024;

/**
 * The filters that read the model's name in a request's body: one that waits for all of it, one that reads it and has the route
 * chosen anew. They are off but on routes that turn them on ({@link readsBody}).
 */
export function bodyModelFilters(release: string): readonly JsonObject[] {
  return [
    { ...extension(BUFFER_NAME, BUFFER, { max_request_bytes: maxBodyBytes(release) }), disabled: true },
    {
      ...extension(READER_NAME, JSON_TO_METADATA, {
        request_rules: {
          rules: [{ selectors: [{ key: KEY }], on_present: { metadata_namespace: NAMESPACE, key: KEY } }],
          allow_content_types_regex: { regex: JSON_TYPE },
          allow_empty_content_type: true,
        },
      }),
      disabled: true,
    },
  ];
}

/** What a route has that requests may come to before their model is known. */
export function readsBody(release: string): JsonObject {
  return {
    typed_per_filter_config: {
      [BUFFER_NAME]: any(`${BUFFER}PerRoute`, { buffer: { max_request_bytes: maxBodyBytes(release) } }),
      [READER_NAME]: any(FILTER_CONFIG, { config: {} }),
    },
  };
}

/** The part of a route's match that is about the model; nothing where the service takes any. */
export function modelMatch({ models }: RequestMatch): JsonObject {
  if (models === undefined) return {};
  const values = models.map((exact) => ({ string_match: { exact } }));
  const value = values.length === 1 ? (values[0] as JsonObject) : { or_match: { value_matchers: values } };
  return { dynamic_metadata: [{ filter: NAMESPACE, path: [{ key: KEY }], value }] };
}

const BODY = JSON.stringify({
  error: {
    message:
      'no such model here; its name is read from "model" in the request body, which must be JSON (content-type: application/json)',
    type: 'invalid_request_error',
    code: 'model_not_found',
  },
});

/** The answer to requests for a model that no service has. */
export const MODEL_NOT_FOUND: JsonObject = {
  direct_response: { status: 404, body: { inline_string: BODY } },
  response_headers_to_add: [setHeader('content-type', 'application/json')],
};

function maxBodyBytes(release: string): number {
  return Number(release.split('.')[1]) < 38 ? MAX_BODY_BYTES_BEFORE_1_38 : MAX_BODY_BYTES;
}
