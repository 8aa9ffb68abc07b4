import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DISCOVERY_METHODS } from '../../../src/edge/xds/discovery-methods.ts';
import { TYPES } from '../../conformance/protocol.ts';
import { encodeRequest } from '../../conformance/wire-message.ts';
import { playBytes, playCalls } from './garbage/attack.ts';
import { byteKinds, type Pieces } from './garbage/byte-kinds.ts';
import { type CallCase, callKinds } from './garbage/call-kinds.ts';
import { heapMib, takeCensus, tcpHandles } from './garbage/census.ts';
import { deal, type Kind } from './garbage/dice.ts';
import { frameKinds } from './garbage/frame-kinds.ts';
import { GarbageLab } from './garbage/lab.ts';
import { recordClient, recordHello } from './garbage/recording.ts';
import { Reference } from './garbage/reference.ts';
import { requestKinds } from './garbage/request-kinds.ts';
import { serviceKinds } from './garbage/service-kinds.ts';

/**
 * Two thousand cases: 800 of them have a connection of their own; 1,200 are calls, 25 to a connection, because what is wrong
 * with them is inside the call. A failure names the case; the seed makes it again. The long run deals 25 times as many.
 */
const ROUNDS = process.env.LOADLINE_TEST_LONG === '1' ? 25 : 1;
const BYTE_CASES = 800 * ROUNDS;
const CALL_CASES = 1200 * ROUNDS;
const WARM_UP_CASES = 300;
/** Code that is compiled late, and pools of Node: 1 to 2 MiB, the same after 10,000 cases as after 30,000. */
const GROWTH_MIB = 6;
/** The server keeps its last responses encoded, some of them large: so many changes push them out. */
const CACHED = 60;
const SEED = 20_261_125;

const lab = new GarbageLab();
const errors: unknown[] = [];
const blame = (error: unknown): unknown => errors.push(error);
let reference: Reference;
let byBytes: readonly Kind<Pieces>[];
let byCalls: readonly Kind<CallCase>[];

beforeAll(async () => {
  process.on('uncaughtException', blame);
  process.on('unhandledRejection', blame);
  await lab.start();
  reference = new Reference(lab);
  const node = { id: 'recorded', cluster: 'lab', user_agent_name: 'envoy' };
  const recordings = [
    await recordClient(lab.server.address, 'delta', node),
    await recordClient(lab.server.address, 'sotw', node),
  ];
  const aggregated = DISCOVERY_METHODS.find(({ variant, typeUrl }) => variant === 'Delta' && typeUrl === undefined);
  if (aggregated === undefined) throw new Error('no aggregated stream');
  const request = encodeRequest('delta', TYPES.cds.url, {}, { id: 'garbage-0', cluster: 'lab' });
  byBytes = [...byteKinds(recordings, await recordHello()), ...frameKinds(aggregated.path, request)];
  const paths = DISCOVERY_METHODS.map(({ path }) => path);
  byCalls = [...callKinds(paths, request), ...requestKinds(DISCOVERY_METHODS), ...serviceKinds()];
});

afterAll(async () => {
  process.removeListener('uncaughtException', blame);
  process.removeListener('unhandledRejection', blame);
  reference.close();
  await lab.server.stop(200);
});

/** Plays cases while the reference follows its changes. */
async function attack(
  byteCases: number,
  callCases: number,
  seed: number,
): Promise<{ wrong: string[]; changes: number }> {
  let over = false;
  const followed = reference.follow(() => over);
  const [bytes, calls] = await Promise.all([
    playBytes(lab.port, deal(byBytes, byteCases, seed)),
    playCalls(lab.port, deal(byCalls, callCases, seed)),
  ]);
  over = true;
  expect(bytes + calls.played).toBe(byteCases + callCases);
  return { wrong: calls.wrong, changes: await followed };
}

/** Nobody is left but the reference, in the books of the server and among the handles of the process. */
async function untilAlone(handles: number): Promise<void> {
  const left = (): object => ({ ...lab.open, present: lab.present.size, handles: Math.max(handles, tcpHandles()) });
  const alone = JSON.stringify({ ads: 1, lrs: 0, present: 1, handles });
  for (const deadline = Date.now() + 15_000; JSON.stringify(left()) !== alone; ) {
    if (Date.now() > deadline) throw new Error(`left behind: ${JSON.stringify(left())} instead of ${alone}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('garbage on the xDS port', () => {
  it('is dealt from many kinds, and the same again from the same seed', () => {
    const dealt = (): string[] =>
      [...deal(byBytes, 200, SEED)].map(({ name, what }) => `${name} ${Buffer.concat(what).toString('hex')}`);
    expect(dealt()).toEqual(dealt());
    expect(byBytes.length + byCalls.length).toBeGreaterThan(60);
  });

  it('hurts nobody: a healthy client gets every change, and nothing is left', {
    timeout: 120_000 * ROUNDS,
  }, async () => {
    await reference.begin();
    const handles = tcpHandles();
    await attack(WARM_UP_CASES, WARM_UP_CASES, 1);
    await untilAlone(handles);
    await reference.follow(rounds(CACHED));
    const before = await takeCensus();
    const beforeMib = heapMib();

    const { wrong, changes } = await attack(BYTE_CASES, CALL_CASES, SEED);
    expect(wrong).toEqual([]);
    expect(errors).toEqual([]);
    expect(changes).toBeGreaterThan(25);

    await untilAlone(handles);
    expect(await reference.follow(rounds(CACHED))).toBe(CACHED);
    const left = await takeCensus();
    for (const [what, count] of Object.entries(left))
      expect({ [what]: Math.max(count, before[what] as number) }).toEqual({ [what]: before[what] });
    expect(heapMib() - beforeMib).toBeLessThan(GROWTH_MIB);
    expect([...lab.types].every((type) => typeof type === 'string')).toBe(true);
  });
});

/** Says so often that it is not over. */
function rounds(count: number): () => boolean {
  let left = count;
  return () => {
    left -= 1;
    return left < 0;
  };
}
