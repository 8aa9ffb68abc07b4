export type JsonRecord = Readonly<Record<string, unknown>>;

/** The document, or undefined where it is not JSON: the caller has the words for it. */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
