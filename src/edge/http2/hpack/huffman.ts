/**
 * The Huffman code of RFC 7541, appendix B. It is canonical: codes of one length are consecutive, in the order of their
 * symbols, and each length goes on where the shorter ones end. So lengths and order are all that has to be written down.
 */
const SYMBOLS: readonly (readonly [bits: number, symbols: string | readonly number[]])[] = [
  [5, '012aceiost'],
  [6, ' %-./3456789=A_bdfghlmnpru'],
  [7, ':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz'],
  [8, '&*,;XZ'],
  [10, '!"()?'],
  [11, "'+|"],
  [12, '#>'],
  [13, [0, 36, 64, 91, 93, 126]],
  [14, '^}'],
  [15, '<`{'],
  [19, [92, 195, 208]],
  [20, [128, 130, 131, 162, 184, 194, 224, 226]],
  [21, [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230]],
  [
    22,
    [
      129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198,
      228, 232, 233,
    ],
  ],
  [
    23,
    [
      1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182,
      183, 188, 191, 197, 231, 239,
    ],
  ],
  [24, [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237]],
  [25, [199, 207, 234, 235]],
  [26, [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255]],
  [27, [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254]],
  [
    28,
    [2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249],
  ],
  [30, [10, 13, 22, 256]],
];

const END_OF_STRING = 256;
const WORD_BITS = 32;

/** Codes of one length; code and end as the upper bits of 32. */
type Length = { readonly bits: number; readonly first: number; readonly end: number; readonly symbols: Uint16Array };

const LENGTHS: readonly Length[] = canonical();

function canonical(): readonly Length[] {
  let first = 0;
  return SYMBOLS.map(([bits, symbols]) => {
    const list = Uint16Array.from(typeof symbols === 'string' ? Buffer.from(symbols) : symbols);
    const length = { bits, first, end: first + list.length * 2 ** (WORD_BITS - bits), symbols: list };
    first = length.end;
    return length;
  });
}

/** A symbol has five bits at least. */
const MOST_PER_BYTE = 8 / 5;
let scratch = Buffer.allocUnsafeSlow(1024);

/** The string (a byte is a character), or undefined when it is not a whole one: EOS in it, or padding that is none of EOS. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | undefined {
  const totalBits = (end - start) * 8;
  if (scratch.length < (end - start) * MOST_PER_BYTE) scratch = Buffer.allocUnsafeSlow((end - start) * 2);
  let written = 0;
  let bit = 0;
  while (bit < totalBits) {
    const word = wordAt(bytes, start + (bit >> 3), end, bit & 7);
    const length = lengthOf(word);
    if (bit + length.bits > totalBits) {
      // Bits behind the end read as ones, so what is left of EOS is a word of ones.
      if (totalBits - bit > 7 || word !== 0xffffffff) return undefined;
      break;
    }
    const symbol = length.symbols[(word - length.first) >>> (WORD_BITS - length.bits)] as number;
    if (symbol === END_OF_STRING) return undefined;
    scratch[written] = symbol;
    written += 1;
    bit += length.bits;
  }
  return scratch.toString('latin1', 0, written);
}

function lengthOf(word: number): Length {
  for (const length of LENGTHS) if (word < length.end) return length;
  return LENGTHS.at(-1) as Length;
}

/** 32 bits from this one on. */
function wordAt(bytes: Uint8Array, at: number, end: number, shift: number): number {
  const byte = (index: number): number => (index < end ? (bytes[index] as number) : 0xff);
  const upper = ((byte(at) << 24) | (byte(at + 1) << 16) | (byte(at + 2) << 8) | byte(at + 3)) >>> 0;
  return ((upper << shift) | (byte(at + 4) >> (8 - shift))) >>> 0;
}
