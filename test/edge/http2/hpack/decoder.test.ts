import { type ClientHttp2Session, connect } from 'node:http2';
import { createServer, type Server } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HeaderList, HpackDecoder } from '../../../../src/edge/http2/hpack/decoder.ts';
import { encodeHeaders } from '../../../../src/edge/http2/hpack/encode.ts';
import { DumbEncoder, type Step } from './dumb-encoder.ts';

const MAX_LIST_BYTES = 16_384;

function decode(
  decoder: HpackDecoder,
  block: Buffer,
  maxListBytes = MAX_LIST_BYTES,
): ReturnType<HpackDecoder['decode']> {
  // It may lie anywhere in what the peer has sent.
  const around = Buffer.concat([Buffer.alloc(3, 0xff), block, Buffer.alloc(3, 0xff)]);
  return decoder.decode(around, 3, 3 + block.length, maxListBytes);
}

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/ /g, ''), 'hex');
}

describe('the examples of RFC 7541, appendix C', () => {
  const requests: readonly HeaderList[] = [
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
    ],
    [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':path', '/'],
      [':authority', 'www.example.com'],
      ['cache-control', 'no-cache'],
    ],
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':path', '/index.html'],
      [':authority', 'www.example.com'],
      ['custom-key', 'custom-value'],
    ],
  ];

  it.each([
    [
      'C.3: without Huffman code',
      '828684410f7777772e6578616d706c652e636f6d',
      '828684be58086e6f2d6361636865',
      '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
    ],
    [
      'C.4: with it',
      '828684418cf1e3c2e5f23a6ba0ab90f4ff',
      '828684be5886a8eb10649cbf',
      '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
    ],
  ])('%s, over one connection', (_, ...blocks) => {
    const decoder = new HpackDecoder();
    expect(blocks.map((block) => decode(decoder, hex(block)))).toEqual(requests);
  });

  it('C.6: a table of 256 bytes that forgets the oldest', () => {
    const decoder = new HpackDecoder();
    const small = '3fe101';
    expect(
      decode(
        decoder,
        hex(
          `${small}488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3`,
        ),
      ),
    ).toEqual([
      [':status', '302'],
      ['cache-control', 'private'],
      ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
      ['location', 'https://www.example.com'],
    ]);
    expect(decode(decoder, hex('4883640effc1c0bf'))).toEqual([
      [':status', '307'],
      ['cache-control', 'private'],
      ['date', 'Mon, 21 Oct 2013 20:13:21 GMT'],
      ['location', 'https://www.example.com'],
    ]);
    const third =
      '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007';
    expect(decode(decoder, hex(third))).toEqual([
      [':status', '200'],
      ['cache-control', 'private'],
      ['date', 'Mon, 21 Oct 2013 20:13:22 GMT'],
      ['location', 'https://www.example.com'],
      ['content-encoding', 'gzip'],
      ['set-cookie', 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1'],
    ]);
  });
});

describe('any sequence of header blocks', () => {
  const text = fc.oneof(
    fc.constantFrom('', ':path', ':method', 'POST', 'grpc-timeout', 'te', 'x-tenant', 'a'.repeat(200)),
    fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constant('Field' as const),
      name: text,
      value: text,
      how: fc.constantFrom('Indexed' as const, 'Plain' as const, 'Never' as const),
      huffman: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('Resize' as const), bytes: fc.constantFrom(0, 40, 100, 4096) }),
  );

  it('is read as the encoder has meant it, whatever it keeps in the table', () => {
    fc.assert(
      fc.property(fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 8 }), (blocks) => {
        const encoder = new DumbEncoder();
        const decoder = new HpackDecoder();
        for (const steps of blocks) {
          const { block, headers } = encoder.encode(steps);
          expect(decode(decoder, block)).toEqual(headers);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('ends in a list or a fault, never in an error, whatever the bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 80 }).map((one) => Buffer.from(one));
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 6 }), (blocks) => {
        const decoder = new HpackDecoder();
        for (const block of blocks) {
          const outcome = decode(decoder, block);
          if (typeof outcome === 'string') return;
          for (const [name, value] of outcome) expect(typeof name + typeof value).toBe('stringstring');
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe('the encoder of node:http2 (nghttp2)', () => {
  let server: Server;
  let session: ClientHttp2Session;
  const blocks: Buffer[] = [];

  beforeAll(async () => {
    server = createServer((socket) => {
      let bytes = Buffer.alloc(0);
      let at = 24;
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        for (; bytes.length - at >= 9 && bytes.length - at >= 9 + bytes.readUIntBE(at, 3); ) {
          const end = at + 9 + bytes.readUIntBE(at, 3);
          const priority = ((bytes[at + 4] as number) & 0x20) === 0 ? 0 : 5;
          if (bytes[at + 3] === 1) blocks.push(bytes.subarray(at + 9 + priority, end));
          at = end;
        }
      });
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    session = connect(`http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    session.on('error', () => undefined);
  });

  afterAll(() => {
    session.destroy();
    server.close();
  });

  it('is understood over a hundred requests of one connection', async () => {
    const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join('');
    const sent = Array.from({ length: 100 }, (_, index) => ({
      ':method': 'POST',
      ':path': `/lab.Lab/${index % 7}`,
      'content-type': 'application/grpc',
      'x-all': `a${printable.slice(index % 50)}z`,
      [`x-${index % 13}`]: 'v'.repeat(index * 7),
    }));
    for (const headers of sent) session.request(headers).on('error', () => undefined);
    for (let tries = 0; blocks.length < sent.length && tries < 500; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const decoder = new HpackDecoder();
    const read = blocks.map((block) => decode(decoder, block));
    expect(read).toHaveLength(sent.length);
    read.forEach((headers, index) => {
      expect(Object.fromEntries(headers as HeaderList)).toMatchObject(sent[index] ?? {});
    });
  });
});

describe('what is no header block', () => {
  it.each([
    ['index 0', '80'],
    ['an index behind both tables', 'be'],
    ['a name of an index behind both tables', '7e0161'],
    ['an index that does not end', 'ffffffffff'],
    ['an index of 2^35', 'ff8080808080017f'],
    ['a value that is longer than the block', '400161056162'],
    ['a name without a value', '400161'],
    ['a length that does not end', '40ff'],
    ['a new table size behind a field', '8220'],
    ['a table of more than 4096 bytes', '3fe21f'],
    ['Huffman code with EOS in it', '400161 84ffffffff'],
    ['Huffman code with padding of eight bits', '400161 82f8ff'],
    ['Huffman code with padding of zeros', '400161 8118'],
  ])('%s is malformed', (_, block) => {
    expect(decode(new HpackDecoder(), hex(block))).toBe('Malformed');
  });

  it('is a list larger than is allowed, though its block is small', () => {
    const decoder = new HpackDecoder();
    const large = encodeHeaders([['x-large', 'v'.repeat(3000)]]);
    // 0x40: the literal goes into the table.
    const first = Buffer.concat([Buffer.of(0x40), large.subarray(1)]);
    expect(decode(decoder, first)).toHaveLength(1);
    expect(decode(decoder, Buffer.alloc(6, 0xbe))).toBe('TooLarge');
    expect(decode(decoder, Buffer.alloc(5, 0xbe))).toHaveLength(5);
  });
});
