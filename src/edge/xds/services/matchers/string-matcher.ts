import { compileRegex, type StepBudget } from '../regex/regex.ts';

/** `envoy.type.matcher.v3.StringMatcher` as `decodeMessage` gives it. */
export type StringMatcher = {
  readonly exact?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly contains?: string;
  readonly safe_regex?: { readonly regex?: string };
  readonly custom?: object;
  readonly ignore_case?: boolean;
};

/** What compiling shares: where complaints go, and the work that all matchers of one request may do together. */
export type Compiling = {
  readonly issues: string[];
  readonly budget: StepBudget;
};

export type Predicate<T> = (value: T) => boolean;

/** Comparing words is so much faster than a step of an expression. */
const CHARS_PER_STEP = 64;

/** A request of some megabytes may hold a hundred thousand matchers. */
const STEPS_TO_COMPILE = 100;

const never = (): boolean => false;

/** `path` names the matcher in complaints. With a complaint, what is returned matches nothing. */
export function compileStringMatcher(matcher: StringMatcher, path: string, compiling: Compiling): Predicate<string> {
  const { budget, issues } = compiling;
  budget.left -= STEPS_TO_COMPILE;
  if (budget.left < 0) return never;
  const { safe_regex, custom, ignore_case, ...words } = matcher;
  if (safe_regex !== undefined) {
    const compiled = compileRegex(safe_regex.regex ?? '');
    // ignore_case "has no effect for the safe_regex match".
    if (compiled.ok) return (text) => compiled.regex(text, budget);
    issues.push(`${path}.safe_regex: ${compiled.message}`);
    return never;
  }
  if (custom !== undefined) {
    issues.push(`${path}.custom: extensions are not supported`);
    return never;
  }
  const test = wordTest(words, ignore_case === true);
  if (test === undefined) {
    issues.push(`${path}: no pattern that is known here`);
    return never;
  }
  return (text) => {
    budget.left -= 1 + text.length / CHARS_PER_STEP;
    return budget.left >= 0 && test(ignore_case === true ? text.toLowerCase() : text);
  };
}

type Words = Pick<StringMatcher, 'exact' | 'prefix' | 'suffix' | 'contains'>;

function wordTest(words: Words, ignoreCase: boolean): Predicate<string> | undefined {
  const fold = (word: string): string => (ignoreCase ? word.toLowerCase() : word);
  const { exact, prefix, suffix, contains } = words;
  if (exact !== undefined) return equalTo(fold(exact));
  if (prefix !== undefined) return startingWith(fold(prefix));
  if (suffix !== undefined) return endingWith(fold(suffix));
  return contains === undefined ? undefined : containing(fold(contains));
}

const equalTo =
  (word: string): Predicate<string> =>
  (text) =>
    text === word;
const startingWith =
  (word: string): Predicate<string> =>
  (text) =>
    text.startsWith(word);
const endingWith =
  (word: string): Predicate<string> =>
  (text) =>
    text.endsWith(word);
const containing =
  (word: string): Predicate<string> =>
  (text) =>
    text.includes(word);
