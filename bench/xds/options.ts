import { parseArgs } from 'node:util';
import { openFileLimit } from './process-usage.ts';
import type { ScenarioKind } from './scenario.ts';
import type { ServerName } from './server-child.ts';
import { parseShape, type Shape } from './shape.ts';

export const USAGE = `npm run bench:xds -- [OPTIONS]: XdsServer beside go-control-plane, in one run

  --streams 1000,5000       connections, one delta ADS stream each
  --shape 10x8,1x1000       clusters x endpoints
  --variants loadline,linear,snapshot
  --scenarios load,tls,stall,node
  --rounds 25               changes that are measured, 200 ms apart
  --repeat 1                runs of everything; figures are medians
  --quick                   200 streams, 5 rounds: does it work?
  --json FILE               figures as JSON
`;

export type Options = {
  readonly streams: readonly number[];
  readonly shapes: readonly Shape[];
  readonly variants: readonly ServerName[];
  readonly kinds: readonly ScenarioKind[];
  readonly rounds: number;
  readonly repeat: number;
  readonly sustainMs: number;
  readonly json?: string;
};

const VARIANTS: readonly ServerName[] = ['loadline', 'linear', 'snapshot'];
const KINDS: readonly ScenarioKind[] = ['load', 'tls', 'stall', 'node'];
/** What a process opens besides its connections. */
const OTHER_FILES = 100;

/** @throws Error that says what is wrong with the arguments, or with the limit of open files. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      streams: { type: 'string' },
      shape: { type: 'string', default: '10x8,1x1000' },
      variants: { type: 'string', default: VARIANTS.join() },
      scenarios: { type: 'string', default: KINDS.join() },
      rounds: { type: 'string' },
      repeat: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const { quick, json } = values;
  const streams = (values.streams ?? (quick ? '200' : '1000,5000')).split(',').map((text) => count('--streams', text));
  const needed = Math.max(...streams) + OTHER_FILES;
  if (needed > openFileLimit()) {
    throw new Error(`${needed} open files a process are needed, ${openFileLimit()} are allowed: raise 'ulimit -n'`);
  }
  return {
    streams,
    shapes: values.shape.split(',').map(parseShape),
    variants: words('--variants', values.variants, VARIANTS),
    kinds: words('--scenarios', values.scenarios, KINDS),
    rounds: count('--rounds', values.rounds ?? (quick ? '5' : '25')),
    repeat: count('--repeat', values.repeat),
    sustainMs: quick ? 1000 : 5000,
    ...(json === undefined ? {} : { json }),
  };
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option}: '${text}' is not a positive number`);
  return value;
}

function words<T extends string>(option: string, text: string, known: readonly T[]): readonly T[] {
  return text.split(',').map((word) => {
    const found = known.find((one) => one === word);
    if (found === undefined) throw new Error(`${option}: '${word}' is none of ${known.join(', ')}`);
    return found;
  });
}
