import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageReader, type ReadFault } from '../../../../src/edge/xds/transport/message-reader.ts';
import { frame } from '../../../../src/edge/xds/transport/rpc.ts';

const MAX_BYTES = 4096;

/** What a reader makes of chunks: its messages, copied as they are only lent, and the fault that ended it. */
function read(chunks: readonly Uint8Array[]): { messages: string[]; fault?: ReadFault; unfinished: boolean } {
  const messages: string[] = [];
  const reader = new MessageReader(MAX_BYTES, (bytes) => messages.push(bytes.toString('hex')));
  for (const chunk of chunks) {
    // The reader is lent its chunks: nothing of them may be needed later.
    const lent = Buffer.from(chunk);
    const fault = reader.push(lent);
    lent.fill(0xee);
    if (fault !== undefined) return { messages, fault, unfinished: reader.unfinished };
  }
  return { messages, unfinished: reader.unfinished };
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const points = [...new Set(at.map((one) => one % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...points].map((from, index) => bytes.subarray(from, points[index] ?? bytes.length));
}

const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 });
const cuts = fc.array(fc.nat(10_000), { maxLength: 40 });

describe('the reader of gRPC messages', () => {
  it('finds the same messages however the bytes are cut', () => {
    fc.assert(
      fc.property(messages, cuts, (sent, at) => {
        const bytes = Buffer.concat(sent.map(frame));
        expect(read(cut(bytes, at))).toEqual({
          messages: sent.map((one) => Buffer.from(one).toString('hex')),
          unfinished: false,
        });
      }),
      { numRuns: 500 },
    );
  });

  it('finds the same fault after the same messages however the bytes are cut', () => {
    const bad = fc.constantFrom([1, 0, 0, 0, 0], [0, 0, 0, 0x10, 1], [0, 0xff, 0xff, 0xff, 0xff], [0xff, 0, 0, 0, 3]);
    fc.assert(
      fc.property(messages, bad, fc.uint8Array({ maxLength: 50 }), cuts, (sent, prefix, rest, at) => {
        const bytes = Buffer.concat([...sent.map(frame), Buffer.from(prefix), rest]);
        const inOne = read([bytes]);
        const inPieces = read(cut(bytes, at));
        expect(inOne.fault).toBeDefined();
        expect({ ...inPieces, unfinished: true }).toEqual({ ...inOne, unfinished: true });
        expect(inOne.messages).toHaveLength(sent.length);
      }),
      { numRuns: 300 },
    );
  });

  it('knows of a message that has begun and not ended, at every byte', () => {
    const bytes = frame(Buffer.from('chat'));
    for (let end = 1; end < bytes.length; end += 1) expect(read([bytes.subarray(0, end)]).unfinished).toBe(true);
    expect(read([bytes]).unfinished).toBe(false);
    expect(read([]).unfinished).toBe(false);
  });

  it('takes a message of no bytes, and one of as many as are allowed', () => {
    expect(read([frame(Buffer.alloc(0)), frame(Buffer.alloc(MAX_BYTES, 7))]).messages).toEqual([
      '',
      '07'.repeat(MAX_BYTES),
    ]);
  });

  it('says why it takes no more', () => {
    expect(read([Buffer.from([1, 0, 0, 0, 0])]).fault?.status).toBe('Unimplemented');
    expect(read([Buffer.from([0, 0xff, 0xff, 0xff, 0xff])]).fault).toEqual({
      status: 'ResourceExhausted',
      message: 'a message of 4294967295 bytes; at most 4096 are taken',
    });
  });

  it('holds little more than it was sent: neither a promised length nor a byte at a time costs memory', () => {
    const maxBytes = 32 * 1024 * 1024;
    const reader = new MessageReader(maxBytes, () => undefined);
    reader.push(Buffer.from([0, 2, 0, 0, 0]));
    expect(reader.heldBytes).toBeLessThanOrEqual(4096);
    for (let sent = 0; sent < 20_000; sent += 1) reader.push(Buffer.of(7));
    expect(reader.heldBytes).toBeLessThanOrEqual(4 * 20_005);
  });
});
