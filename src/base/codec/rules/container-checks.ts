import { type Check, elsewhere, type Kind } from './value-checks.ts';

export const REPEATED: Kind<readonly unknown[]> = {
  min_items: (limit) => size(`value must contain at least ${limit} item(s)`, (length) => length >= (limit as number)),
  max_items: (limit) =>
    size(`value must contain no more than ${limit} item(s)`, (length) => length <= (limit as number)),
  unique: () => ({
    rule: '',
    message: 'repeated value must contain unique items',
    holds: (list) => new Set(list.map(String)).size === list.length,
  }),
  items: elsewhere,
  ignore_empty: elsewhere,
};

export const MAP: Kind<readonly unknown[]> = {
  min_pairs: (limit) => size(`value must contain at least ${limit} pair(s)`, (length) => length >= (limit as number)),
  max_pairs: (limit) =>
    size(`value must contain no more than ${limit} pair(s)`, (length) => length <= (limit as number)),
  // Entries without a value cannot be told from entries with an empty one after decoding.
  no_sparse: elsewhere,
  keys: elsewhere,
  values: elsewhere,
  ignore_empty: elsewhere,
};

export const ANY: Kind<object> = {
  required: elsewhere,
  in: (limit) => ({
    rule: '',
    message: `type URL must be in list [${(limit as readonly string[]).join(' ')}]`,
    holds: (any) => (limit as readonly string[]).includes((any as { typeUrl: string }).typeUrl),
  }),
  not_in: (limit) => ({
    rule: '',
    message: `type URL must not be in list [${(limit as readonly string[]).join(' ')}]`,
    holds: (any) => !(limit as readonly string[]).includes((any as { typeUrl: string }).typeUrl),
  }),
};

function size(message: string, holds: (length: number) => boolean): Check<readonly unknown[]> {
  return { rule: '', message, holds: (list) => holds(list.length) };
}
