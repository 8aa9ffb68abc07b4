import { InvalidArgumentError } from 'commander';
import { parseDurationMs } from '../base/units/index.ts';

/** What flags hold. Each throws commander's usage error with what was expected. */

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('expected a whole number.');
  return value;
}

export function atLeastOne(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError('expected 1 or more.');
  return value;
}

export function aboveZero(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('expected a number above 0.');
  return value;
}

export function duration(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('expected a duration such as 90s, 5m or 250ms.');
  return ms;
}

export function positiveDuration(text: string): number {
  const ms = duration(text);
  if (ms === 0) throw new InvalidArgumentError('expected a duration above 0s.');
  return ms;
}

/** A flag that may come several times. */
export function collected(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `NAME=N`, several times. */
export function counts(text: string, before: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected POOL=N.');
  return { ...before, [text.slice(0, at)]: atLeastOne(text.slice(at + 1)) };
}
