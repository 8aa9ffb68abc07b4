import { afterEach, describe, expect, it } from 'vitest';
import { FLAG, FRAME, windowUpdate } from '../../../../bench/xds/http2-frames.ts';
import { unary } from '../../../../src/edge/xds/services/unary.ts';
import { frame as message } from '../../../../src/edge/xds/transport/rpc.ts';
import { grpcHeaders } from '../../../support/hpack.ts';
import { Http2Peer } from '../../../support/http2-peer.ts';
import { LabServer } from './lab-server.ts';

const ASK = '/lab.Lab/Ask';
const MIB = 1024 * 1024;

const open: { destroy(): void }[] = [];
let lab: LabServer;

afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await lab.grpc.close(0);
});

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe('a unary call that is answered before its client has closed its side, as grpc-js calls', () => {
  it('is no reset: 1500 of them at once are no flood', async () => {
    lab = new LabServer({ methods: new Map([[ASK, unary((request) => request)]]) });
    await lab.start();
    const polite = new Http2Peer(lab.port, { windowBytes: MIB });
    open.push(polite);
    const asked = message(Buffer.from('hello'));
    for (let calls = 0; calls < 1500 && !polite.closed; calls += 1) {
      const id = polite.open(grpcHeaders(ASK));
      polite.data(id, asked);
      polite.data(id, Buffer.alloc(0), FLAG.endStream);
      if (calls % 100 === 0)
        await polite.until('an answer', () => polite.closed || polite.of(id, FRAME.headers).length === 2);
    }
    await pause(50);
    const enhanceYourCalm = polite.of(0, FRAME.goAway).map(({ payload }) => payload.readUInt32BE(4));
    expect(enhanceYourCalm).toEqual([]);
  });
});

describe('an answer that is read slowly, but read', () => {
  it('is not cut off while its bytes move, however long that takes', async () => {
    const answer = Buffer.alloc(MIB);
    lab = new LabServer({ methods: new Map([[ASK, unary(() => answer)]]), retireMs: 100 });
    await lab.start();
    const slow = new Http2Peer(lab.port);
    open.push(slow);
    const id = slow.open(grpcHeaders(ASK));
    slow.data(id, message(Buffer.from('hello')), FLAG.endStream);
    const ended = (): boolean => slow.of(id, FRAME.headers).length === 2 || slow.of(id, FRAME.rstStream).length > 0;
    for (let rounds = 0; rounds < 200 && !ended(); rounds += 1) {
      await pause(15);
      slow.write(windowUpdate(0, 40_000), windowUpdate(id, 40_000));
    }
    expect(slow.of(id, FRAME.rstStream)).toEqual([]);
    expect(slow.of(id, FRAME.data).reduce((sum, { payload }) => sum + payload.length, 0)).toBe(MIB + 5);
  });
});
