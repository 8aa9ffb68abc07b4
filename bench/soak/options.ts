import { parseArgs } from 'node:util';

export const USAGE = `npm run soak -- [OPTIONS]: does XdsServer keep anything that it should let go?

  --minutes 60     how long; the first third is for warming up and does not count
  --streams 200    clients at a time; they come, change, stall and go
  --seed 1         of all draws
  --json FILE      samples and slopes as JSON
`;

const LEAST_MINUTES = 2;

export type Options = {
  readonly minutes: number;
  readonly streams: number;
  readonly seed: number;
  readonly json?: string;
};

/** @throws Error that says what is wrong with the arguments. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '60' },
      streams: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      json: { type: 'string' },
    },
  });
  const positive = (name: string, text: string): number => {
    const value = Number(text);
    if (!(value > 0)) throw new Error(`--${name}: '${text}' is not a positive number`);
    return value;
  };
  const minutes = positive('minutes', values.minutes);
  if (minutes < LEAST_MINUTES)
    throw new Error(`--minutes: less than ${LEAST_MINUTES} leave nothing behind the warm-up`);
  return {
    minutes,
    streams: Math.ceil(positive('streams', values.streams)),
    seed: positive('seed', values.seed),
    ...(values.json === undefined ? {} : { json: values.json }),
  };
}
