import { createInterface } from 'node:readline/promises';
import { text as readText } from 'node:stream/consumers';
import type { Io } from './io.ts';
import { processTerminal } from './terminal.ts';

/** What a shell shows of a program that SIGPIPE ended. Node ignores that signal, and gets EPIPE instead. */
const CLOSED_PIPE_CODE = 128 + 13;

/** The standard streams of this process. */
export function processIo(): Io {
  const { stdin, stdout, stderr } = process;
  stdout.on('error', (error) => endUnread('standard output', error));
  stderr.on('error', (error) => endUnread('standard error', error));
  const terminal = processTerminal();
  return {
    out: (text) => stdout.write(text),
    err: (text) => stderr.write(text),
    colour: stdout.isTTY === true && process.env.NO_COLOR === undefined,
    stdin: () => readText(stdin),
    ...(stdin.isTTY === true ? { ask: askOnTerminal } : {}),
    ...(terminal === undefined ? {} : { terminal }),
  };
}

/**
 * Nobody reads on, as with `| head`: that is no failure of ours, and there is nothing left to do. The command ends at once and
 * without a word, as every program does that leaves SIGPIPE alone. A full disk is told where that can still be done.
 */
function endUnread(stream: string, error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(CLOSED_PIPE_CODE);
  if (stream === 'standard output') process.stderr.write(`error: ${stream} cannot be written: ${error.message}\n`);
  process.exit(1);
}

async function askOnTerminal(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
