/** Called with the number of a field and where its content lies; `start` is the value itself for a varint. */
export type FieldVisit = (field: number, start: number, end: number) => void;

/**
 * Walks the fields of a protobuf message without building anything: the load client has to be far cheaper than the servers
 * that it measures. Trusts its input, which comes from servers that the bench started.
 */
export function eachField(bytes: Buffer, start: number, end: number, visit: FieldVisit): void {
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at] as number;
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < end) {
    const tag = varint();
    const wireType = tag & 7;
    if (wireType === 0) visit(tag >>> 3, varint(), at);
    else if (wireType === 2) {
      const length = varint();
      visit(tag >>> 3, at, at + length);
      at += length;
    } else at += wireType === 1 ? 8 : 4;
  }
}

/** A length-delimited field as bytes. */
export function fieldBytes(field: number, content: string | Uint8Array): Buffer {
  const body = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([varintBytes((field << 3) | 2), varintBytes(body.length), body]);
}

export function varintBytes(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
