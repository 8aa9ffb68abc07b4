import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/units/index.ts';
import { TYPE_URL } from '../../../src/core/resources/index.ts';
import { makeSnapshot } from '../../../src/core/snapshot/index.ts';
import {
  ClientStream,
  KnownSets,
  resourceStates,
  type Subscription,
  type TypeState,
  typeStates,
  type Variant,
} from '../../../src/core/subscriptions/index.ts';
import { RandomWorld } from './random-world.ts';
import { describedResource, VirtualFleet } from './virtual-fleet.ts';

const HISTORIES = 12;
const EDITS = 60;

/** The same from the state of every resource, as `proxy-config` shows them. */
function fromAllStates(client: ClientStream, subscription: Subscription) {
  const states = resourceStates(client, subscription);
  const refused = states.find(({ status }) => status === 'NACKED');
  const outstanding = subscription.unanswered > 0 && subscription.heartbeats.isEmpty;
  const isKept = states.some(({ wanted, ackedVersion }) => wanted === undefined && ackedVersion !== undefined);
  const synced = states.every(({ status }) => status === 'SYNCED') && !outstanding;
  return {
    status: refused !== undefined ? 'NACKED' : synced ? 'SYNCED' : 'STALE',
    // What the client keeps because nothing can take it away may count.
    resources: isKept ? expect.any(Number) : states.filter((state) => state.wanted !== undefined).length,
    refused: refused?.name,
    waiting: states.find(({ waiting }) => waiting !== undefined)?.waiting,
  };
}

function inShort({ status, resources, refusal, waiting }: TypeState) {
  return { status, resources, refused: refusal?.name, waiting };
}

describe('the state of a type', () => {
  const seen = new Set<string>();

  it.each(['Delta', 'Sotw'] as const)('%s: is what the states of its resources add up to', (variant: Variant) => {
    for (let seed = 1; seed <= HISTORIES; seed += 1) {
      const random = seededRandom(seed * 104_729);
      const world = new RandomWorld(random);
      const fleet = new VirtualFleet(variant, random, seed % 2 === 0 ? 'Named' : 'Unnamed');
      fleet.publish(world.resources());
      fleet.connect();
      for (let edit = 0; edit < EDITS; edit += 1) {
        world.spoils = edit > 10 && edit < 50;
        world.edit();
        fleet.publish(world.resources());
        if (random() < 0.05) fleet.disconnect({ serverRestarts: random() < 0.3 });
        if (random() < 0.05) fleet.stall(Math.floor(random() * 8000));
        if (!fleet.connected && random() < 0.5) fleet.connect();
        for (let look = 0; look < 6; look += 1) {
          fleet.run(Math.floor(random() * (random() < 0.2 ? 3000 : 40)));
          const { stream } = fleet;
          if (stream === undefined) continue;
          const states = typeStates(stream).map(inShort);
          expect(states, `seed ${seed}, edit ${edit}`).toEqual(
            stream.subscriptions.map((subscription) => fromAllStates(stream, subscription)),
          );
          for (const short of states) {
            seen.add(`${variant} ${short.status}${short.waiting === undefined ? '' : ' waiting'}`);
          }
        }
      }
    }
  });

  it('was seen in every form', () => {
    for (const variant of ['Delta', 'Sotw']) {
      for (const status of ['SYNCED', 'STALE', 'NACKED', 'STALE waiting'])
        expect(seen).toContain(`${variant} ${status}`);
    }
  });

  it('of runtime layers: the answer to a heartbeat is no news', () => {
    const client = new ClientStream({ variant: 'Delta', sets: new KnownSets(), aggregated: true });
    const layer = {
      ...describedResource('runtime', 'lapsing', { body: { kind: 'runtime' }, revision: 1 }),
      ttlMs: 3000,
    };
    client.publish(makeSnapshot({ group: 'lab', release: '1.40', listenerOverrides: {} }, [layer]));
    const request = { nonce: '', subscribe: ['lapsing'], unsubscribe: [], initialVersions: {} };
    client.receiveDelta(TYPE_URL.runtime, request, 0);
    const send = (nonce: string, nowMs: number): void => {
      const out = client.next(nowMs, () => true);
      if (out === undefined) expect.fail('nothing is due');
      client.sent(out, nonce, nowMs);
    };
    send('1', 0);
    expect(typeStates(client)[0]).toEqual({ typeUrl: TYPE_URL.runtime, status: 'STALE', resources: 1 });
    client.receiveDelta(TYPE_URL.runtime, { ...request, subscribe: [], nonce: '1' }, 5);
    expect(typeStates(client)[0]).toEqual({ typeUrl: TYPE_URL.runtime, status: 'SYNCED', resources: 1 });
    send('2', 1000);
    expect(typeStates(client)[0]).toEqual({ typeUrl: TYPE_URL.runtime, status: 'SYNCED', resources: 1 });
  });
});
