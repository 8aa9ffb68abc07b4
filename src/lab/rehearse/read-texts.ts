import { LoadlineError } from '../../base/errors.ts';
import { readFault } from './read-fault.ts';
import { readAutoscaler, readBurst } from './read-shapes.ts';
import { type Mistake, mappingOf } from './read-words.ts';
import type { RehearsalSpec } from './rehearsal-spec.ts';

type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/** What flags say in words. Throws LOADLINE_CONFIG that names the flag. */
export function readTexts(texts: {
  readonly burst: string | undefined;
  readonly autoscaler: string | undefined;
  readonly faults: readonly string[] | undefined;
}): Pick<RehearsalSpec, 'burst' | 'autoscaler' | 'faults'> {
  const { burst, autoscaler, faults } = texts;
  return {
    ...(burst === undefined ? {} : { burst: orThrow('--burst', burst, readBurst(mappingOf(burst))) }),
    ...(autoscaler === undefined
      ? {}
      : { autoscaler: orThrow('--autoscaler', autoscaler, readAutoscaler(mappingOf(autoscaler))) }),
    ...(faults === undefined
      ? {}
      : { faults: faults.map((text) => orThrow('--fault', text, readFault(mappingOf(text), text))) }),
  };
}

function orThrow<T>(flag: string, text: string, read: Read<T>): T {
  if (read.ok) return read.value;
  const why = read.mistakes.map(({ message }) => message).join('; ');
  throw new LoadlineError('LOADLINE_CONFIG', `${flag} '${text}': ${why}`);
}
