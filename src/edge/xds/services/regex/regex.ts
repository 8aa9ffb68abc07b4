import { codePoint, has, WORD } from './char-set.ts';
import { type Node, type One, type Place, parseRegex, RegexFault } from './parse.ts';

/** Steps that may still be taken; below 0 nothing matches any more, and the caller has to say so. */
export type StepBudget = { left: number };

/** Whether the whole text matches. */
export type Regex = (text: string, budget: StepBudget) => boolean;

type Instruction =
  | One
  | { readonly kind: 'Assert'; readonly at: Place }
  /** Goes on at each place, counted from the first instruction. */
  | { readonly kind: 'Split'; readonly to: readonly number[] }
  | { readonly kind: 'Match' };

const MAX_PATTERN_CHARS = 1024;
const MAX_INSTRUCTIONS = 500;
const MAX_VISITS = 5000;

/**
 * An RE2 expression that comes from a client. JavaScript's own engine backtracks: `(a+)+b` on forty letters would stop the
 * server for hours, and no time limit can be set from within. So the expression becomes a small program that is run over
 * the text once, in all its states together (Thompson's way, and RE2's): time is the product of both lengths.
 */
export function compileRegex(
  pattern: string,
): { readonly ok: true; readonly regex: Regex } | { readonly ok: false; readonly message: string } {
  try {
    if (pattern.length > MAX_PATTERN_CHARS) throw new RegexFault(`longer than ${MAX_PATTERN_CHARS} characters`);
    const program = compile(parseRegex(pattern));
    return { ok: true, regex: (text, budget) => run(program, text, budget) };
  } catch (fault) {
    if (!(fault instanceof RegexFault)) throw fault;
    return { ok: false, message: fault.message };
  }
}

function compile(node: Node): readonly Instruction[] {
  const program: Instruction[] = [];
  let visits = 0;
  const split = (): number[] => {
    const to: number[] = [];
    program.push({ kind: 'Split', to });
    return to;
  };
  const emit = (part: Node): void => {
    visits += 1;
    // Repetitions of repetitions multiply, and those of nothing add no instruction.
    if (program.length > MAX_INSTRUCTIONS || visits > MAX_VISITS) throw new RegexFault('too large when it is unrolled');
    switch (part.kind) {
      case 'One':
      case 'Assert':
        program.push(part);
        return;
      case 'Sequence':
        for (const inner of part.parts) emit(inner);
        return;
      case 'Choice': {
        const starts = split();
        const ends = part.options.map((option) => {
          starts.push(program.length);
          emit(option);
          return split();
        });
        for (const end of ends) end.push(program.length);
        return;
      }
      case 'Repeat':
        emitRepeat(part.body, part.min, part.max);
    }
  };
  const emitRepeat = (body: Node, min: number, max: number | undefined): void => {
    for (let time = 0; time < min; time += 1) emit(body);
    if (max === undefined) {
      const loop = program.length;
      const enter = split();
      enter.push(program.length);
      emit(body);
      split().push(loop);
      enter.push(program.length);
      return;
    }
    const exits: number[][] = [];
    for (let time = min; time < max; time += 1) {
      const enter = split();
      enter.push(program.length);
      exits.push(enter);
      emit(body);
    }
    for (const exit of exits) exit.push(program.length);
  };
  emit(node);
  program.push({ kind: 'Match' });
  return program;
}

function run(program: readonly Instruction[], text: string, budget: StepBudget): boolean {
  budget.left -= text.length;
  if (budget.left < 0) return false;
  const points = Array.from(text, codePoint);
  // Per instruction the last position at which it was entered: once per position is enough.
  const entered = new Int32Array(program.length).fill(-1);
  let waiting = [0];
  for (let at = 0; ; at += 1) {
    const stepping: number[] = [];
    let matched = false;
    while (waiting.length > 0) {
      const pc = waiting.pop() as number;
      if (entered[pc] === at) continue;
      entered[pc] = at;
      budget.left -= 1;
      const instruction = program[pc] as Instruction;
      if (instruction.kind === 'One') stepping.push(pc);
      else if (instruction.kind === 'Match') matched = true;
      else if (instruction.kind === 'Split') waiting.push(...instruction.to);
      else if (holds(instruction.at, points, at)) waiting.push(pc + 1);
    }
    if (budget.left < 0) return false;
    const point = points[at];
    if (point === undefined) return matched;
    waiting = stepping.filter((pc) => accepts(program[pc] as Instruction, point)).map((pc) => pc + 1);
    if (waiting.length === 0) return false;
  }
}

function accepts(instruction: Instruction, point: number): boolean {
  return instruction.kind === 'One' && contains(instruction, point) !== instruction.negated;
}

function contains({ set, ignoreCase }: One, point: number): boolean {
  if (has(set, point)) return true;
  if (!ignoreCase) return false;
  const character = String.fromCodePoint(point);
  return [character.toLowerCase(), character.toUpperCase()].some((form) => has(set, codePoint(form)));
}

function holds(place: Place, points: readonly number[], at: number): boolean {
  if (place === 'Start') return at === 0;
  if (place === 'End') return at === points.length;
  return (isWord(points[at - 1]) !== isWord(points[at])) === (place === 'WordBoundary');
}

function isWord(point: number | undefined): boolean {
  return point !== undefined && has(WORD, point);
}
