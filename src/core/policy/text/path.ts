/** Steps from the root of a document: keys of mappings and indices of lists. */
export type Path = readonly (string | number)[];

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const MAX_KEY_CHARS = 60;

/** `spec.pools[0].name`; a key that would be ambiguous or unprintable is written `["like this"]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (PLAIN_KEY.test(step) && step.length <= MAX_KEY_CHARS) text += text === '' ? step : `.${step}`;
    else text += `["${printable(step, MAX_KEY_CHARS)}"]`;
  }
  return text;
}

/** Text of a policy as it may go to a terminal or a log: one line, bounded, control characters escaped. */
export function printable(text: string, maxChars: number): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (char) => {
    return `\\u${(char.codePointAt(0) as number).toString(16).padStart(4, '0')}`;
  });
}

/** The value at a path of a plain value; undefined where there is none. Inherited properties do not count. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

export type Selected = { readonly path: Path; readonly value: unknown };

/**
 * All values that a pattern reaches; `*` stands for every element of a list. It works on documents that the schema
 * refused, so that checks over several values report their findings together with those of the schema.
 */
export function select(root: unknown, pattern: readonly string[]): readonly Selected[] {
  let found: Selected[] = [{ path: [], value: root }];
  for (const step of pattern) {
    const next: Selected[] = [];
    for (const { path, value } of found) {
      if (step === '*') {
        if (Array.isArray(value))
          value.forEach((item, index) => void next.push({ path: [...path, index], value: item }));
      } else if (!Array.isArray(value)) {
        const member = valueAt(value, [step]);
        if (member !== undefined) next.push({ path: [...path, step], value: member });
      }
    }
    found = next;
  }
  return found;
}
