export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * A header block of literals without indexing (RFC 7541, 6.2.2): no dynamic table, so one block serves any stream of any
 * connection, and nothing checks what a client of ours would refuse to send.
 */
export function headerBlock(headers: HeaderList): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

export function grpcHeaders(path: string, more: HeaderList = []): HeaderList {
  return [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'localhost'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ...more,
  ];
}

/** A string without Huffman code: its length as an integer with a prefix of seven bits (RFC 7541, 5.1), then its bytes. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}
