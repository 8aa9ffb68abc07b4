export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** ProtoJSON of one message: keys in snake_case or camelCase, durations as `"5s"`, wrappers bare, Any with `@type`. */
export type JsonObject = { readonly [key: string]: JsonValue };

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
