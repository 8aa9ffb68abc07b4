import { describe, expect, it } from 'vitest';
import { answerStream } from '../../../../src/edge/xds/services/answer-stream.ts';
import { refusal } from '../../../../src/edge/xds/services/refusal.ts';
import { STATUS } from '../../../../src/edge/xds/transport/rpc.ts';
import { FakeRpc, JUNK } from './fake-rpc.ts';

/** Answers `ab` with the messages a and b; refuses `!`, and counts what was made. */
function setUp(): { rpc: FakeRpc; made: string[] } {
  const made: string[] = [];
  const handler = answerStream(() => (request) => {
    const text = request.toString();
    if (text === '!') return refusal(STATUS.INVALID_ARGUMENT, 'no');
    return (function* () {
      for (const letter of text) {
        made.push(letter);
        yield Buffer.from(letter);
      }
    })();
  });
  return { rpc: new FakeRpc(new Map([['/s/m', handler]]), '/s/m'), made };
}

const texts = (rpc: FakeRpc): string => rpc.sent.map(String).join('');

describe('answers on a stream', () => {
  it('come in the order of the requests, and the call ends after the last', () => {
    const { rpc } = setUp();
    rpc.request(Buffer.from('ab')).request(Buffer.from('')).request(Buffer.from('c'));
    expect(texts(rpc)).toBe('abc');
    expect(rpc.ended).toBeUndefined();
    expect(rpc.halfClose().ended).toEqual({ status: STATUS.OK });
  });

  it('are made as the peer reads', () => {
    const { rpc, made } = setUp();
    rpc.holding = true;
    rpc.request(Buffer.from('abc')).request(Buffer.from('d')).halfClose();
    expect(made).toEqual(['a']);
    for (const after of ['ab', 'abc', 'abcd']) {
      rpc.release();
      expect(made.join('')).toBe(after);
      expect(rpc.ended).toBeUndefined();
    }
    rpc.release();
    expect(rpc.ended).toEqual({ status: STATUS.OK });
  });

  it('end with words when a peer asks and asks without reading', () => {
    const { rpc } = setUp();
    rpc.holding = true;
    for (let at = 0; at < 200; at += 1) rpc.request(Buffer.from('ab'));
    expect(rpc.ended).toEqual({
      status: STATUS.RESOURCE_EXHAUSTED,
      message: '100 requests wait: read the answers before asking on',
    });
    rpc.release();
    expect(rpc.sent).toHaveLength(1);
  });

  it('end at a refusal, and nothing is answered after it', () => {
    const { rpc, made } = setUp();
    rpc.request(Buffer.from('!')).request(Buffer.from('a')).halfClose();
    expect(rpc.ended).toEqual({ status: STATUS.INVALID_ARGUMENT, message: 'no' });
    expect(made).toEqual([]);
  });

  it('are not made for a peer that has gone', () => {
    const { rpc, made } = setUp();
    rpc.holding = true;
    rpc.request(Buffer.from('ab')).close().release();
    rpc.request(JUNK).halfClose();
    expect(made).toEqual(['a']);
  });
});
