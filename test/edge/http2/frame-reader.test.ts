import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FrameFault, FrameReader } from '../../../src/edge/http2/frame-reader.ts';
import { frameOf, PREFACE } from '../../../src/edge/http2/frames.ts';

type Seen = { readonly frames: string[]; readonly fault: FrameFault | undefined };

function read(chunks: readonly Buffer[]): Seen {
  const frames: string[] = [];
  const reader = new FrameReader(({ type, flags, stream, bytes, start, end }) => {
    frames.push(`${type} ${flags} ${stream} ${bytes.toString('hex', start, end)}`);
    return true;
  });
  for (const chunk of chunks) {
    // The reader is lent its chunks: nothing of them may be needed later.
    const lent = Buffer.from(chunk);
    const fault = reader.push(lent);
    lent.fill(0xee);
    if (fault !== undefined) return { frames, fault };
  }
  return { frames, fault: undefined };
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const points = [...new Set(at.map((one) => one % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...points].map((from, index) => bytes.subarray(from, points[index] ?? bytes.length));
}

const frame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  flags: fc.integer({ min: 0, max: 255 }),
  stream: fc.integer({ min: 0, max: 0x7fffffff }),
  payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(new Uint8Array(16_384), new Uint8Array(300))),
});
const cuts = fc.array(fc.nat(70_000), { maxLength: 30 });

describe('the reader of HTTP/2 frames', () => {
  it('finds the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), cuts, (sent, at) => {
        const bytes = Buffer.concat([
          PREFACE,
          ...sent.map((one) => frameOf(one.type, one.flags, one.stream, one.payload)),
        ]);
        const frames = sent.map(
          ({ type, flags, stream, payload }) => `${type} ${flags} ${stream} ${Buffer.from(payload).toString('hex')}`,
        );
        expect(read(cut(bytes, at))).toEqual({ frames, fault: undefined });
      }),
      { numRuns: 300 },
    );
  });

  it('finds a frame that comes byte by byte', () => {
    const bytes = Buffer.concat([
      PREFACE,
      frameOf(6, 0, 0, Buffer.from('loadline')),
      frameOf(4, 1, 0, Buffer.alloc(0)),
    ]);
    const { frames } = read([...bytes].map((byte) => Buffer.of(byte)));
    expect(frames).toEqual([`6 0 0 ${Buffer.from('loadline').toString('hex')}`, '4 1 0 ']);
  });

  it('refuses a frame of more than 16,384 bytes when its head is there, however it is cut', () => {
    const head = Buffer.from([0, 0x40, 1, 0, 0, 0, 0, 0, 1]);
    const good = frameOf(0, 0, 1, Buffer.from('x'));
    fc.assert(
      fc.property(cuts, (at) => {
        const { frames, fault } = read(cut(Buffer.concat([PREFACE, good, head]), at));
        expect({ count: frames.length, fault }).toEqual({ count: 1, fault: 'TooLarge' });
      }),
      { numRuns: 100 },
    );
  });

  it('tells at the first byte that a peer does not speak HTTP/2', () => {
    expect(read([Buffer.from('GET / HTTP/1.1\r\n')]).fault).toBe('NoHttp2');
    expect(read([Buffer.from('PRI * '), Buffer.from('HTTP/1.1')]).fault).toBe('NoHttp2');
    expect(read([Buffer.of(22)]).fault).toBe('NoHttp2');
    expect(read([PREFACE.subarray(0, 10)]).fault).toBeUndefined();
  });

  it('stops when it is told so', () => {
    let count = 0;
    const reader = new FrameReader(() => {
      count += 1;
      return false;
    });
    reader.push(Buffer.concat([PREFACE, frameOf(6, 0, 0, Buffer.alloc(8)), frameOf(6, 0, 0, Buffer.alloc(8))]));
    expect(count).toBe(1);
  });
});
