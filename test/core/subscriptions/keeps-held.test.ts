import { describe, expect, it } from 'vitest';
import { type Resource, TYPE_URL } from '../../../src/core/resources/index.ts';
import { makeSnapshot, type Snapshot } from '../../../src/core/snapshot/index.ts';
import { ClientStream, type DeltaRequest, KnownSets, type Outgoing } from '../../../src/core/subscriptions/index.ts';

const { cluster: CDS, endpoint: EDS, extension: ECDS } = TYPE_URL;
const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };

function resource(typeUrl: string, name: string, version: string): Resource {
  const bytes = Buffer.from(`${name}@${version}`);
  const needs = typeUrl === CDS ? [{ typeUrl: EDS, name }] : [];
  return { typeUrl, name, version, bytes, delta: bytes, needs };
}

const KEPT: Snapshot = makeSnapshot(KEY, [
  resource(CDS, 'chat', 'old'),
  resource(EDS, 'chat', 'old'),
  resource(ECDS, 'limit', 'old'),
]);

/** What a stand-in with that snapshot sends, in words, until it has nothing more to say. */
function answers(
  keepsHeld: boolean,
  ...requests: readonly (readonly [string, Partial<DeltaRequest>])[]
): readonly string[] {
  const stream = new ClientStream({ variant: 'Delta', sets: new KnownSets(), aggregated: true, keepsHeld });
  stream.publish(KEPT);
  const said: string[] = [];
  let nowMs = 0;
  let nonce = 0;
  const drain = (): void => {
    for (let turn = 0; turn < 20; turn += 1) {
      nowMs += 1000;
      const out: Outgoing | undefined = stream.next(nowMs, () => true);
      if (out === undefined) continue;
      nonce += 1;
      stream.sent(out, String(nonce), nowMs);
      said.push(
        ...out.resources.map(({ name, version }) => `${short(out.typeUrl)} ${name}@${version}`),
        ...out.removed.map((name) => `${short(out.typeUrl)} ${name} is gone`),
      );
      stream.receiveDelta(out.typeUrl, { ...NOTHING, nonce: String(nonce) }, nowMs);
    }
  };
  for (const [typeUrl, part] of requests) {
    stream.receiveDelta(typeUrl, { ...NOTHING, ...part }, nowMs);
    drain();
  }
  return said;
}

const NOTHING: DeltaRequest = { subscribe: [], unsubscribe: [], initialVersions: {}, nonce: '' };

function short(typeUrl: string): string {
  return typeUrl === CDS ? 'cds' : typeUrl === EDS ? 'eds' : 'ecds';
}

describe('a stand-in that leaves to a client what it has', () => {
  const running = [
    [CDS, { initialVersions: { chat: 'new', later: 'new' }, subscribe: ['*'] }],
    [EDS, { initialVersions: { chat: 'new', later: 'new' }, subscribe: ['chat', 'later'] }],
    [ECDS, { initialVersions: { limit: 'new', fault: 'new' }, subscribe: ['limit', 'fault'] }],
  ] as const;

  it('sends nothing older to one that runs, and takes nothing away from it', () => {
    expect(answers(true, ...running)).toEqual([]);
    // As a server does that decides: the test above would otherwise show nothing.
    expect(answers(false, ...running)).toEqual(
      expect.arrayContaining(['cds chat@old', 'eds chat@old', 'ecds limit@old', 'cds later is gone']),
    );
  });

  it('gives everything to one that has nothing', () => {
    const fresh = [
      [CDS, { subscribe: ['*'] }],
      [EDS, { subscribe: ['chat'] }],
      [ECDS, { subscribe: ['limit', 'fault'] }],
    ] as const;
    const said = ['cds chat@old', 'eds chat@old', 'ecds limit@old', 'ecds fault is gone'];
    expect(answers(true, ...fresh).toSorted()).toEqual(said.toSorted());
  });

  it('gives what is missing to one that was cut off in its start', () => {
    const begun = [
      [CDS, { subscribe: ['*'], initialVersions: { chat: 'old' } }],
      [EDS, { subscribe: ['chat'] }],
    ] as const;
    expect(answers(true, ...begun)).toEqual(['eds chat@old']);
  });
});
