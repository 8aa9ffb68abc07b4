import { seededRandom } from '../../../src/base/units/index.ts';
import { type GgufTensor, gguf } from './gguf.ts';

const SEED = 20_261_126;
const BYTES = 256;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;
const NORMAL = 1;
const SPECIAL = ['<unk>', '<s>', '</s>'];

export type ModelSize = { readonly width: number; readonly layers: number; readonly words: number };

/**
 * A llama of random numbers with a vocabulary of syllables: its text means nothing, and the time it takes grows with its size.
 * Any text can be put into it (as bytes), and it says only words: bytes and the end of text have no weight in its output, so that
 * every request gets as many tokens as it asked for.
 */
export function randomModel({ width, layers, words }: ModelSize): Buffer {
  const random = seededRandom(SEED);
  const heads = 4;
  const hidden = width * 3;
  const first = SPECIAL.length + BYTES;
  const tokens = [
    ...SPECIAL,
    ...Array.from({ length: BYTES }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`),
    ...Array.from({ length: words }, (_, word) => `▁${syllables(word)}`),
  ];
  const types = [
    UNKNOWN,
    CONTROL,
    CONTROL,
    ...Array.from({ length: BYTES }, () => BYTE),
    ...Array.from({ length: words }, () => NORMAL),
  ];
  const matrix = (name: string, columns: number, rows: number, from = 0): GgufTensor => {
    const data = new Float32Array(columns * rows);
    const scale = 2 / Math.sqrt(columns);
    for (let at = from * columns; at < data.length; at += 1) data[at] = (random() - 0.5) * scale;
    return { name: `${name}.weight`, shape: [columns, rows], data };
  };
  const ones = (name: string): GgufTensor => ({
    name: `${name}.weight`,
    shape: [width],
    data: new Float32Array(width).fill(1),
  });
  const layer = (at: number): readonly GgufTensor[] => [
    ones(`blk.${at}.attn_norm`),
    ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => matrix(`blk.${at}.${name}`, width, width)),
    ones(`blk.${at}.ffn_norm`),
    matrix(`blk.${at}.ffn_gate`, width, hidden),
    matrix(`blk.${at}.ffn_up`, width, hidden),
    matrix(`blk.${at}.ffn_down`, hidden, width),
  ];
  return gguf(
    {
      'general.architecture': { kind: 'String', value: 'llama' },
      'general.name': { kind: 'String', value: 'random' },
      'llama.context_length': { kind: 'Uint32', value: 8192 },
      'llama.embedding_length': { kind: 'Uint32', value: width },
      'llama.block_count': { kind: 'Uint32', value: layers },
      'llama.feed_forward_length': { kind: 'Uint32', value: hidden },
      'llama.attention.head_count': { kind: 'Uint32', value: heads },
      'llama.attention.head_count_kv': { kind: 'Uint32', value: heads },
      'llama.rope.dimension_count': { kind: 'Uint32', value: width / heads },
      'llama.attention.layer_norm_rms_epsilon': { kind: 'Float32', value: 1e-5 },
      'tokenizer.ggml.model': { kind: 'String', value: 'llama' },
      'tokenizer.ggml.tokens': { kind: 'Strings', value: tokens },
      'tokenizer.ggml.scores': { kind: 'Float32s', value: tokens.map((_, at) => (at < first ? 0 : -1)) },
      'tokenizer.ggml.token_type': { kind: 'Int32s', value: types },
      'tokenizer.ggml.unknown_token_id': { kind: 'Uint32', value: 0 },
      'tokenizer.ggml.bos_token_id': { kind: 'Uint32', value: 1 },
      'tokenizer.ggml.eos_token_id': { kind: 'Uint32', value: 2 },
    },
    [
      matrix('token_embd', width, tokens.length),
      ones('output_norm'),
      matrix('output', width, tokens.length, first),
      ...Array.from({ length: layers }, (_, at) => layer(at)).flat(),
    ],
  );
}

/** A word of its own for each number. */
function syllables(word: number): string {
  const syllable = (at: number): string => `${'bdfgklmnprst'[at % 12]}${'aeiou'[Math.floor(at / 12) % 5]}`;
  return word < 60 ? syllable(word) : syllable(word % 60) + syllables(Math.floor(word / 60) - 1);
}
