/**
 * The shapes in which proto-loader gives and takes messages, and the ways between them and our values. `null` is unknown
 * with us and an absent field on the wire; a scalar at its default is absent on the wire too (proto3).
 */
export type Wire = { readonly [field: string]: unknown };

type Seconds = { readonly seconds: number; readonly nanos: number };

const NS_PER_MS = 1e6;

/** Milliseconds as google.protobuf.Timestamp or Duration. Exact to the nanosecond, also below 0. */
export function toSeconds(ms: number): Seconds;
export function toSeconds(ms: number | null | undefined): Seconds | undefined;
export function toSeconds(ms: number | null | undefined): Seconds | undefined {
  if (ms === null || ms === undefined) return undefined;
  const seconds = Math.trunc(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * NS_PER_MS) };
}

export function fromSeconds(value: unknown): number | null {
  if (typeof value !== 'object' || value === null) return null;
  const { seconds, nanos } = value as Partial<Seconds>;
  return (seconds ?? 0) * 1000 + (nanos ?? 0) / NS_PER_MS;
}

/** `WarmingUp` to `ENDPOINT_STATE_WARMING_UP`. */
export function toEnum(prefix: string, word: string): string {
  return `${prefix}_${word.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase()}`;
}

/** `ENDPOINT_STATE_WARMING_UP` to `WarmingUp`; what this version does not know (a newer server) becomes `Unspecified`. */
export function fromEnum<T extends string>(prefix: string, value: unknown): T {
  if (typeof value !== 'string' || !value.startsWith(`${prefix}_`)) return 'Unspecified' as T;
  const words = value.slice(prefix.length + 1).split('_');
  return words.map((word) => word.charAt(0) + word.slice(1).toLowerCase()).join('') as T;
}

export function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

export function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function flag(value: unknown): boolean {
  return value === true;
}

export function list<T>(value: unknown, read: (item: Wire) => T): readonly T[] {
  return Array.isArray(value) ? value.map((item) => read(item as Wire)) : [];
}

export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

/** The field when the wire has it: for optional properties of our types. */
export function optional<K extends string, T>(
  key: K,
  value: unknown,
  read: (value: unknown) => T,
): Partial<Record<K, T>> {
  return value === undefined || value === null ? {} : ({ [key]: read(value) } as Record<K, T>);
}

/** The message of a field, `null` where the wire has none. */
export function messageOrNull<T>(value: unknown, read: (message: Wire) => T): T | null {
  return value === undefined || value === null ? null : read(value as Wire);
}
