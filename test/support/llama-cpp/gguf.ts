const VERSION = 3;
const ALIGNMENT = 32;
const UINT32 = 4;
const INT32 = 5;
const FLOAT32 = 6;
const STRING = 8;
const ARRAY = 9;
/** The tensor type of the same meaning. */
const F32 = 0;

export type GgufValue =
  | { readonly kind: 'Uint32'; readonly value: number }
  | { readonly kind: 'Float32'; readonly value: number }
  | { readonly kind: 'String'; readonly value: string }
  | { readonly kind: 'Strings'; readonly value: readonly string[] }
  | { readonly kind: 'Int32s'; readonly value: readonly number[] }
  | { readonly kind: 'Float32s'; readonly value: readonly number[] };

/** `shape`: length of a row first, as ggml has it. */
export type GgufTensor = { readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array };

/** The bytes of a GGUF file (ggml's docs/gguf.md): what llama.cpp loads a model from. */
export function gguf(metadata: Readonly<Record<string, GgufValue>>, tensors: readonly GgufTensor[]): Buffer {
  const entries = Object.entries(metadata);
  const head: Buffer[] = [Buffer.from('GGUF'), uint32(VERSION), uint64(tensors.length), uint64(entries.length)];
  for (const [key, value] of entries) head.push(text(key), ...encoded(value));
  const bodies: Buffer[] = [];
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    head.push(text(name), uint32(shape.length), ...shape.map(uint64), uint32(F32), uint64(offset));
    const body = padded(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    bodies.push(body);
    offset += body.length;
  }
  return Buffer.concat([padded(Buffer.concat(head)), ...bodies]);
}

function encoded(entry: GgufValue): readonly Buffer[] {
  switch (entry.kind) {
    case 'Uint32':
      return [uint32(UINT32), uint32(entry.value)];
    case 'Float32':
      return [uint32(FLOAT32), float32(entry.value)];
    case 'String':
      return [uint32(STRING), text(entry.value)];
    case 'Strings':
      return [uint32(ARRAY), uint32(STRING), uint64(entry.value.length), ...entry.value.map(text)];
    case 'Int32s':
      return [uint32(ARRAY), uint32(INT32), uint64(entry.value.length), ...entry.value.map(uint32)];
    case 'Float32s':
      return [uint32(ARRAY), uint32(FLOAT32), uint64(entry.value.length), ...entry.value.map(float32)];
  }
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT)]);
}
