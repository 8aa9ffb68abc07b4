import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { type Candidate, completeLine, type Offer } from './complete-line.ts';
import { liveNames, readFlags } from './live-names.ts';

/** The scripts of the shells call it; people have no use for it. */
export const COMPLETE = '__complete';

/** More than a person reads; a fleet may have thousands of sidecars. */
const MAX_CANDIDATES = 500;
/** SERVICE/POOL/ENDPOINT. */
const TARGET_PARTS = 3;
/** A name of a server that a shell would take for more than a word. */
const WORD = /^[\p{L}\p{N}._:/=,@+%-]+$/u;

/**
 * Answers a shell: a candidate in each line, with a tab and words about it, and a last line that says what else the shell is to
 * offer: `:files`, `:directories` or `:none`, with ` nospace` where the word may go on. Whatever goes wrong (no server, no right,
 * a bad flag) there are fewer candidates: an error in the middle of somebody's line helps nobody.
 * @param program built to print nothing
 */
export async function answerShell(program: Command, words: readonly string[], io: Io): Promise<void> {
  const offer = completeLine(program, words);
  const candidates = [...offer.candidates, ...(await named(offer, words).catch(() => []))];
  const seen = new Map(candidates.map((one) => [one.word, one]));
  const lines = [...seen.values()].slice(0, MAX_CANDIDATES).map(candidateLine);
  io.out(`${[...lines, directiveOf(offer, words.at(-1) ?? '')].join('\n')}\n`);
}

async function named(offer: Offer, words: readonly string[]): Promise<readonly Candidate[]> {
  const { more, prefix, command, operands, before } = offer;
  if (more.kind !== 'Live') return [];
  const current = (words.at(-1) ?? '').slice(prefix.length);
  readFlags(command, before);
  const names = await liveNames({ live: more.live, command, operands, current });
  return [...new Set(names)]
    .filter((name) => name.startsWith(current) && WORD.test(name))
    .sort()
    .map((name) => ({ word: prefix + name, about: '' }));
}

function candidateLine({ word, about }: Candidate): string {
  return about === '' ? word : `${word}\t${about.replaceAll(/\s+/g, ' ')}`;
}

/** A target goes on until it names an endpoint: with a space behind it that would be hard to type. */
function directiveOf({ more }: Offer, current: string): string {
  if (more.kind === 'Files') return ':files';
  if (more.kind === 'Directories') return ':directories';
  const isTarget = more.kind === 'Live' && (more.live === 'Targets' || more.live === 'Endpoints');
  return isTarget && current.split('/').length < TARGET_PARTS ? ':none nospace' : ':none';
}
