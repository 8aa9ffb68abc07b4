import { LoadlineError } from '../../base/errors.ts';

/** As people type them, beside the plural and the short name. */
const KINDS: readonly { readonly kind: string; readonly plural: string; readonly short: string }[] = [
  { kind: 'ModelService', plural: 'modelservices', short: 'ms' },
  { kind: 'SidecarGroup', plural: 'sidecargroups', short: 'sg' },
  { kind: 'TrafficClasses', plural: 'trafficclasses', short: 'tc' },
];

export const KIND_HELP: string = `kinds: ${KINDS.map(({ plural, short }) => `${plural} (${short})`).join(', ')}`;

export type Key = { readonly kind: string; readonly name: string };

/** `modelservices`, `ms`, `ModelService`. @throws LoadlineError LOADLINE_CONFIG for a kind that there is not */
export function kindOf(text: string): string {
  const word = text.toLowerCase();
  const found = KINDS.find((one) => [one.kind.toLowerCase(), one.plural, one.short].includes(word));
  if (found === undefined) throw new LoadlineError('LOADLINE_CONFIG', `${text}: no kind is called so; ${KIND_HELP}`);
  return found.kind;
}

/** `ms/chat`. @throws LoadlineError LOADLINE_CONFIG */
export function keyOf(text: string): Key {
  const [kind = '', name = '', more] = text.split('/');
  if (kind === '' || name === '' || more !== undefined)
    throw new LoadlineError('LOADLINE_CONFIG', `${text}: expected KIND/NAME, such as modelservice/chat; ${KIND_HELP}`);
  return { kind: kindOf(kind), name };
}

/** What `get` is asked for: everything, a kind, `KIND/NAME…` or `KIND NAME…`. @throws LoadlineError LOADLINE_CONFIG */
export function targetsOf(words: readonly string[]): { readonly kind?: string; readonly keys?: readonly Key[] } {
  const [first, ...rest] = words;
  if (first === undefined) return {};
  if (words.some((word) => word.includes('/'))) return { keys: words.map(keyOf) };
  const kind = kindOf(first);
  return rest.length === 0 ? { kind } : { keys: rest.map((name) => ({ kind, name })) };
}

/** As kubectl prints it: `modelservice/chat`. */
export function shown({ kind, name }: Key): string {
  return `${kind.toLowerCase()}/${name}`;
}
