import { connect } from 'node:http2';
import { describe, expect, it } from 'vitest';
import { nodeField } from '../../../bench/xds/discovery.ts';
import { fieldBytes } from '../../../bench/xds/fields.ts';
import { decodeDeltaRequest } from '../../../src/base/codec/index.ts';
import { frame } from '../../../src/edge/xds/transport/rpc.ts';
import { urlOf } from '../../conformance/protocol.ts';
import { GarbageLab } from './garbage/lab.ts';
import { Reference } from './garbage/reference.ts';

const DELTA_ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
/** As Envoy 1.36 and 1.37 send it with each request, ACKs included. */
const NODE = nodeField('envoy-1.36', 50_000);
const ACK = Buffer.concat([fieldBytes(2, urlOf('eds')), fieldBytes(6, '7')]);

/**
 * Microseconds of one call of each: the best of many short rounds, taken in turn, so that neither what runs beside them counts
 * nor when the compiler gets to them.
 */
function costsUs(...runs: readonly (() => void)[]): readonly number[] {
  const calls = 100;
  const best = runs.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < 200; round += 1) {
    for (const [i, run] of runs.entries()) {
      const before = process.hrtime.bigint();
      for (let call = 0; call < calls; call += 1) run();
      best[i] = Math.min(best[i] as number, Number(process.hrtime.bigint() - before) / 1000 / calls);
    }
  }
  return best;
}

describe('a node of 50 KB in every request', () => {
  it('is stepped over, not read: the request costs hardly more than one without', () => {
    const withNode = Buffer.concat([NODE, ACK]);
    const [without = 0, skipped = 0, read = 0] = costsUs(
      () => decodeDeltaRequest(ACK),
      () => decodeDeltaRequest(withNode),
      () => decodeDeltaRequest(withNode, { node: true }),
    );
    expect(skipped / without).toBeLessThan(4);
    expect(read / skipped).toBeGreaterThan(5);
  });

  it('leaves turns of the event loop to others while 250 MB of it come in', async () => {
    const lab = new GarbageLab();
    await lab.start();
    const reference = new Reference(lab);
    await reference.begin();
    const session = connect(`http://127.0.0.1:${lab.port}`, { maxSessionMemory: 1000 });
    const calls = Array.from({ length: 10 }, () =>
      session.request({ ':method': 'POST', ':path': DELTA_ADS, 'content-type': 'application/grpc', te: 'trailers' }),
    );
    let taken = 0;
    const requests = 500;
    const message = frame(Buffer.concat([NODE, ACK]));
    for (const call of calls) {
      call.on('error', () => undefined);
      call.resume();
      for (let count = 0; count < requests; count += 1) {
        call.write(message, (error) => {
          if (error == null) taken += 1;
        });
      }
    }
    const all = calls.length * requests;
    // Changes are made one after the other, each when the one before has come.
    const changes = await reference.follow(() => taken === all);
    expect(taken).toBe(all);
    expect(changes).toBeGreaterThan(5);
    expect(lab.open.ads).toBe(calls.length + 1);
    session.destroy();
    reference.close();
    await lab.server.stop(100);
  });
});
