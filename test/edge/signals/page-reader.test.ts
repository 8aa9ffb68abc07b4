import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyBuffers } from '../../../src/edge/signals/growing-body.ts';
import { PageReader } from '../../../src/edge/signals/page-reader.ts';

type Outcome =
  | { body: string; contentType: string; keepsAlive: boolean }
  | { reason: string; message: string }
  | undefined;

/** What comes of an answer that comes in these pieces, and of the end of the connection behind it. */
function read(
  pieces: readonly (string | Buffer)[],
  { end = false, maxBytes = 1000, buffers = new BodyBuffers() } = {},
): Outcome {
  const reader = new PageReader({ maxBytes, buffers });
  for (const piece of pieces) {
    const outcome = reader.push(Buffer.from(piece as string, 'latin1'));
    if (outcome !== undefined)
      return 'body' in outcome ? { ...outcome, body: outcome.body.toString('latin1') } : outcome;
  }
  const outcome = end ? reader.end() : undefined;
  return outcome !== undefined && 'body' in outcome ? { ...outcome, body: outcome.body.toString('latin1') } : outcome;
}

function answer(fields: readonly string[], body: string, status = 'HTTP/1.1 200 OK'): string {
  return `${[status, ...fields].join('\r\n')}\r\n\r\n${body}`;
}

function cut(bytes: string, places: readonly number[]): string[] {
  const ends = [...places.map((at) => Math.min(at, bytes.length)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, at) => bytes.slice(ends[at - 1] ?? 0, end));
}

const NOT_HTTP = { reason: 'Protocol', message: 'the answer is not HTTP' };
const CHUNKED = 'Transfer-Encoding: chunked';

describe('the reader of a page', () => {
  it('ends a body at its length, at its last chunk, or with the connection', () => {
    const whole = { body: 'up 1\n', contentType: 'text/plain', keepsAlive: true };
    expect(read([answer(['Content-Length: 5', 'content-type: text/plain'], 'up 1\n')])).toEqual(whole);
    expect(
      read([answer([CHUNKED, 'Content-Type:text/plain '], '2\r\nup\r\n3;a="b"\r\n 1\n\r\n0\r\nx: y\r\n\r\n')]),
    ).toEqual(whole);
    const open = [answer(['content-type: text/plain'], 'up 1\n')];
    expect(read(open)).toBeUndefined();
    expect(read(open, { end: true })).toEqual({ ...whole, keepsAlive: false });
    expect(read([answer(['content-length: 0'], '')])).toMatchObject({ body: '', keepsAlive: true });
    expect(read([answer([CHUNKED], '0\r\n\r\n')])).toMatchObject({ body: '' });
  });

  it('says that a body was cut', () => {
    const closed = { reason: 'Closed', message: 'the connection was closed in the middle of the page' };
    expect(read([answer(['content-length: 5'], 'up 1')], { end: true })).toEqual(closed);
    expect(read([answer([CHUNKED], '5\r\nup 1\n\r\n')], { end: true })).toEqual(closed);
    expect(read([answer([CHUNKED], '5\r\nup 1\n\r\n0\r\n')], { end: true })).toEqual(closed);
    // Without an answer the connection tells why.
    expect(read(['HTTP/1.1 200 OK\r\n'], { end: true })).toBeUndefined();
  });

  it('keeps a connection only where both sides know where they are', () => {
    const kept = (fields: readonly string[], behind = '', status?: string) =>
      read([answer(['content-length: 2', ...fields], `ab${behind}`, status)]);
    expect(kept([])).toMatchObject({ keepsAlive: true });
    expect(kept(['Connection: Close'])).toMatchObject({ keepsAlive: false });
    expect(kept(['Connection: x', 'Connection: y, close'])).toMatchObject({ keepsAlive: false });
    expect(kept([], '', 'HTTP/1.0 200 OK')).toMatchObject({ keepsAlive: false });
    expect(kept(['connection: keep-alive'], '', 'HTTP/1.0 200 OK')).toMatchObject({ keepsAlive: true });
    // Nobody asked for more: it would be taken for the answer to the next question.
    expect(kept([], 'HTTP/1.1 200 OK\r\n')).toMatchObject({ body: 'ab', keepsAlive: false });
    expect(read([answer([CHUNKED], '1\r\na\r\n0\r\n\r\nHTTP')])).toMatchObject({ body: 'a', keepsAlive: false });
  });

  it('refuses what could be understood in two ways, or in none', () => {
    const heads = [
      ['content-length: 2', 'content-length: 2'],
      ['content-length: 2', CHUNKED],
      ['content-length: 2, 2'],
      ['content-length: +2'],
      ['content-length: 0x2'],
      ['content-length:'],
      ['content-length: 9999999999999999999'],
      ['transfer-encoding: gzip, chunked'],
      ['transfer-encoding: identity'],
      [CHUNKED, CHUNKED],
      ['content-length : 2'],
      ['x: y', ' folded'],
      ['no colon'],
      [': nothing'],
      ['x: a\rcontent-length: 2'],
      ['x: a\ncontent-length: 2'],
      ['x: \0'],
    ];
    for (const fields of heads)
      expect({ fields, got: read([answer(fields, 'ab')]) }).toEqual({ fields, got: NOT_HTTP });
    for (const status of [
      'HTTP/2 200 OK',
      'HTTP/1.1 20 OK',
      'HTTP/1.1 2000',
      'HTTP/1.2 200 OK',
      'http/1.1 200 OK',
      'HTTP/1.1  200',
      'ICY 200 OK',
    ])
      expect({ status, got: read([answer(['content-length: 0'], '', status)]) }).toEqual({ status, got: NOT_HTTP });
    for (const body of [
      '\r\n',
      'g\r\n',
      '-1\r\n',
      '1\nab',
      '1\r\nab\r\n',
      '1\r\na\n',
      ' 1\r\na',
      '1x\r\na',
      '1\r\na\r\n\r\n',
      '0\r\n\n',
      '1;\n\r\na',
      '1234567890123\r\n',
    ])
      expect({ body, got: read([answer([CHUNKED], body)]) }).toEqual({ body, got: NOT_HTTP });
    expect(read(['\0\x01 garbage'])).toEqual(NOT_HTTP);
    expect(read(['HT', 'TX'])).toEqual(NOT_HTTP);
  });

  it('passes over answers that are none yet, and does not change protocols', () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n';
    expect(read([early + answer(['content-length: 2'], 'ab')])).toMatchObject({ body: 'ab', keepsAlive: true });
    expect(read(['HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n'])).toEqual({
      reason: 'Status',
      message: 'answered 101',
    });
  });

  it('bounds heads, the lines of chunks, trailers, and bodies of each kind', () => {
    const large = { reason: 'Protocol', message: 'the headers of the answer are too large' };
    expect(read([`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`])).toEqual(large);
    expect(read([answer([`x: ${'y'.repeat(20_000)}`], '')])).toEqual(large);
    expect(read([answer([CHUNKED], `1;${'x'.repeat(5000)}`)])).toEqual(NOT_HTTP);
    expect(read([answer([CHUNKED], `0\r\n${'x: y\r\n'.repeat(2000)}`)])).toEqual(NOT_HTTP);
    const page = { reason: 'TooLarge', message: 'the page is larger than 10 bytes' };
    const body = 'x'.repeat(11);
    for (const whole of [answer(['content-length: 11'], ''), answer([], body), answer([CHUNKED], `b\r\n${body}`)])
      expect(read([whole], { maxBytes: 10, end: true })).toEqual(page);
    for (const whole of [
      answer(['content-length: 10'], 'x'.repeat(10)),
      answer([CHUNKED], `a\r\n${'x'.repeat(10)}\r\n0\r\n\r\n`),
    ])
      expect(read([whole], { maxBytes: 10 })).toMatchObject({ body: 'x'.repeat(10) });
    // What is announced is not believed before it comes.
    expect(read([answer([CHUNKED], 'ffffffffffff\r\nx')])).toBeUndefined();
  });

  it('reads the same in whatever pieces it comes', () => {
    const chunk = fc.tuple(
      fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }),
      fc.constantFrom('', ';a', ' ;b="c"'),
    );
    const chunked = fc
      .tuple(fc.array(chunk, { maxLength: 6 }), fc.constantFrom('', 'x: y\r\n'))
      .map(([chunks, trailer]) => ({
        body: chunks.map(([data]) => data).join(''),
        bytes: answer(
          [CHUNKED],
          `${chunks.map(([data, more]) => `${data.length.toString(16)}${more}\r\n${data}\r\n`).join('')}0\r\n${trailer}\r\n`,
        ),
      }));
    const counted = fc.string({ unit: 'binary-ascii', maxLength: 200 }).map((body) => ({
      body,
      bytes: answer([`content-length: ${body.length}`], body),
    }));
    const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 12 });
    // One after the other on lent buffers: what an earlier body left there is not seen.
    const buffers = new BodyBuffers();
    fc.assert(
      fc.property(fc.oneof(chunked, counted), cuts, ({ body, bytes }, places) => {
        expect(read(cut(bytes, places), { buffers })).toMatchObject({ body, keepsAlive: true });
        const short = read(cut(bytes.slice(0, -1), places), { buffers, end: true });
        // Without its last byte it has no whole head, or no whole body.
        if (body === '' && !bytes.includes(CHUNKED)) expect(short).toBeUndefined();
        else expect(short).toMatchObject({ reason: 'Closed' });
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, and never gives more than it may', () => {
    const part = fc.constantFrom(
      'HTTP/1.1 200 OK',
      'HTTP/1.1 100 C',
      '\r\n',
      '\r',
      '\n',
      'content-length: 3',
      CHUNKED,
      '0',
      '3',
      'ab',
      ';',
      ':',
      'x: y',
    );
    const soup = fc.oneof(
      fc.array(part, { maxLength: 20 }).map((parts) => Buffer.from(parts.join(''))),
      fc.array(part, { maxLength: 12 }).map((parts) => Buffer.from(answer([CHUNKED], parts.join('')))),
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(soup, { minLength: 1, maxLength: 4 }), (pieces) => {
        const outcome = read(pieces, { maxBytes: 5, end: true });
        if (outcome !== undefined && 'body' in outcome) expect(outcome.body.length).toBeLessThanOrEqual(5);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('lent buffers', () => {
  it('go from one body to the next, and grow with them', () => {
    const buffers = new BodyBuffers();
    const bodyOf = (text: string): Buffer => {
      const outcome = new PageReader({ maxBytes: 1_000_000, buffers }).push(Buffer.from(answer([CHUNKED], text)));
      return outcome !== undefined && 'body' in outcome ? outcome.body : Buffer.alloc(0);
    };
    const first = bodyOf('2\r\nab\r\n0\r\n\r\n');
    expect(first.toString()).toBe('ab');
    const second = bodyOf('2\r\ncd\r\n0\r\n\r\n');
    expect(second.buffer).toBe(first.buffer);
    expect(second.toString()).toBe('cd');
    expect(bodyOf(`186a0\r\n${'x'.repeat(100_000)}\r\n0\r\n\r\n`).length).toBe(100_000);
    expect(bodyOf('2\r\nef\r\n0\r\n\r\n').toString()).toBe('ef');
  });
});
