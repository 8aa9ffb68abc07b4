import type { Io } from '../../src/cli/io.ts';
import { main } from '../../src/cli/main.ts';

export type Ran = { readonly code: number; readonly out: string; readonly err: string };

/** Runs a command line in this process, as bin/loadline.js does, and collects what it prints. */
export function run(...argv: readonly string[]): Promise<Ran> {
  return runWith({}, ...argv);
}

/** With an input, somebody who answers, or a terminal. */
export async function runWith(
  more: Partial<Pick<Io, 'stdin' | 'ask' | 'colour'>>,
  ...argv: readonly string[]
): Promise<Ran> {
  let out = '';
  let err = '';
  const code = await main(argv, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    colour: false,
    ...more,
  });
  return { code, out, err };
}
