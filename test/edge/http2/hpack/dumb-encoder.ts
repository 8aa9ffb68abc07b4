import type { HeaderList } from '../../../../src/edge/http2/hpack/decoder.ts';
import { STATIC_TABLE } from '../../../../src/edge/http2/hpack/static-table.ts';
import { huffman } from './huffman-bits.ts';

export type Step =
  | {
      readonly kind: 'Field';
      readonly name: string;
      readonly value: string;
      readonly how: 'Indexed' | 'Plain' | 'Never';
      readonly huffman: boolean;
    }
  /** Stands in front of the fields of its block, wherever it is in the list. */
  | { readonly kind: 'Resize'; readonly bytes: number };

/** The twin of the decoder: keeps one list, newest first, as RFC 7541 draws it, and searches it from the front. */
export class DumbEncoder {
  #table: (readonly [string, string])[] = [];
  #maxBytes = 4096;

  encode(steps: readonly Step[]): { readonly block: Buffer; readonly headers: HeaderList } {
    const parts: Buffer[] = [];
    const headers: (readonly [string, string])[] = [];
    for (const step of steps) {
      if (step.kind !== 'Resize') continue;
      this.#maxBytes = step.bytes;
      this.#shrink();
      parts.push(integer(0x20, 5, step.bytes));
    }
    for (const step of steps) {
      if (step.kind !== 'Field') continue;
      headers.push([step.name, step.value]);
      parts.push(this.#field(step));
    }
    return { block: Buffer.concat(parts), headers };
  }

  #field({ name, value, how, huffman: coded }: Extract<Step, { kind: 'Field' }>): Buffer {
    const all = [...STATIC_TABLE, ...this.#table];
    const whole = all.findIndex((entry) => entry[0] === name && entry[1] === value) + 1;
    if (whole > 0 && how === 'Indexed') return integer(0x80, 7, whole);
    const named = all.findIndex((entry) => entry[0] === name) + 1;
    const [pattern, bits] = how === 'Indexed' ? [0x40, 6] : [how === 'Never' ? 0x10 : 0, 4];
    const head = integer(pattern, bits, named);
    if (how === 'Indexed') {
      this.#table.unshift([name, value]);
      this.#shrink();
    }
    return Buffer.concat([head, ...(named === 0 ? [text(name, coded)] : []), text(value, coded)]);
  }

  #shrink(): void {
    const size = (): number => this.#table.reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
    while (size() > this.#maxBytes) this.#table.pop();
  }
}

function text(value: string, coded: boolean): Buffer {
  const bytes = coded ? huffman(value) : Buffer.from(value, 'latin1');
  return Buffer.concat([integer(coded ? 0x80 : 0, 7, bytes.length), bytes]);
}

function integer(pattern: number, bits: number, value: number): Buffer {
  const most = 2 ** bits - 1;
  if (value < most) return Buffer.of(pattern | value);
  const bytes = [pattern | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}
