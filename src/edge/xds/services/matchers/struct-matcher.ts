import type { JsonObject, JsonValue } from '../../../../base/codec/index.ts';
import { type Compiling, compileStringMatcher, type Predicate, type StringMatcher } from './string-matcher.ts';

/** `envoy.type.matcher.v3.StructMatcher` as `decodeMessage` gives it. */
export type StructMatcher = {
  readonly path?: readonly { readonly key?: string }[];
  readonly value?: ValueMatcher;
};

type ValueMatcher = {
  readonly null_match?: object;
  readonly double_match?: {
    readonly range?: { readonly start?: number; readonly end?: number };
    readonly exact?: number;
  };
  readonly string_match?: StringMatcher;
  readonly bool_match?: boolean;
  readonly present_match?: boolean;
  readonly list_match?: { readonly one_of?: ValueMatcher };
  readonly or_match?: { readonly value_matchers?: readonly ValueMatcher[] };
};

/** undefined: the path leads nowhere. */
type Found = JsonValue | undefined;

export function compileStructMatcher(
  matcher: StructMatcher,
  path: string,
  compiling: Compiling,
): Predicate<JsonObject> {
  const keys = (matcher.path ?? []).map(({ key }) => key ?? '');
  const test = compileValueMatcher(matcher.value ?? {}, `${path}.value`, compiling);
  return (struct) => {
    let value: Found = struct;
    for (const key of keys) {
      compiling.budget.left -= 1;
      value = isStruct(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    }
    return test(value);
  };
}

/** "Primitive values and ListValue are supported. StructValue is not supported and is always not matched." */
function compileValueMatcher(matcher: ValueMatcher, path: string, compiling: Compiling): Predicate<Found> {
  const test = primitiveTest(matcher, path, compiling) ?? nestedTest(matcher, path, compiling);
  if (test === undefined) compiling.issues.push(`${path}: no pattern that is known here`);
  return (value) => {
    compiling.budget.left -= 1;
    return compiling.budget.left >= 0 && test !== undefined && test(value);
  };
}

function primitiveTest(matcher: ValueMatcher, path: string, compiling: Compiling): Predicate<Found> | undefined {
  const { null_match, double_match, string_match, bool_match, present_match } = matcher;
  if (null_match !== undefined) return (value) => value === null;
  if (bool_match !== undefined) return (value) => value === bool_match;
  // Envoy, too, takes `present_match: false` for what never matches.
  if (present_match !== undefined) return (value) => present_match && isPrimitive(value);
  if (string_match !== undefined) {
    const test = compileStringMatcher(string_match, `${path}.string_match`, compiling);
    return (value) => typeof value === 'string' && test(value);
  }
  if (double_match === undefined) return undefined;
  const { range, exact } = double_match;
  if (range === undefined) return (value) => value === (exact ?? 0);
  const { start = 0, end = 0 } = range;
  return (value) => typeof value === 'number' && value >= start && value < end;
}

function nestedTest(matcher: ValueMatcher, path: string, compiling: Compiling): Predicate<Found> | undefined {
  const { list_match, or_match } = matcher;
  if (list_match !== undefined) {
    const test = compileValueMatcher(list_match.one_of ?? {}, `${path}.list_match.one_of`, compiling);
    return (value) => Array.isArray(value) && value.some((element: JsonValue) => test(element));
  }
  if (or_match === undefined) return undefined;
  const tests = (or_match.value_matchers ?? []).map((option, at) =>
    compileValueMatcher(option, `${path}.or_match.value_matchers[${at}]`, compiling),
  );
  return (value) => tests.some((test) => test(value));
}

function isStruct(value: Found): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPrimitive(value: Found): boolean {
  return value !== undefined && (value === null || typeof value !== 'object');
}
