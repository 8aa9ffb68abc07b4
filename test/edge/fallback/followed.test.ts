import { describe, expect, it } from 'vitest';
import { LAPSING_LAYER, type Resource, TYPE_URL } from '../../../src/core/resources/index.ts';
import { viewOf } from '../../../src/core/snapshot/index.ts';
import { Followed, lasting } from '../../../src/edge/fallback/followed.ts';
import { assignment, cluster, listener, routes } from '../../support/envoy-resources.ts';

const { cluster: CDS, endpoint: EDS, listener: LDS, route: RDS, runtime: RTDS } = TYPE_URL;
const KEY = { group: 'lab', release: '1.40', listenerOverrides: {} };

const WHOLE: readonly Resource[] = [
  cluster('chat'),
  assignment('chat', [{ port: 9101 }]),
  listener('models', 15_001),
  routes('models', ['chat']),
];

describe('what is followed', () => {
  it('counts when an Envoy could start with it, and not before', () => {
    const followed = new Followed(KEY, []);
    expect(followed.snapshot).toBeUndefined();
    const [chat, ends, models, paths] = WHOLE as [Resource, Resource, Resource, Resource];
    expect(followed.take(CDS, [chat], [])).toBeUndefined();
    expect(followed.take(LDS, [models], [])).toBeUndefined();
    expect(followed.take(EDS, [ends], [])).toBeUndefined();
    const whole = followed.take(RDS, [paths], []);
    expect(whole && lasting(whole)).toHaveLength(4);
    expect(followed.snapshot).toBe(whole);
  });

  it('stays the last whole set while a change comes in, and never becomes empty', () => {
    const followed = new Followed(KEY, WHOLE);
    const before = followed.snapshot;
    expect(before).toBeDefined();
    expect(followed.take(CDS, [cluster('embed')], []), 'a cluster without its assignment').toBeUndefined();
    expect(followed.snapshot).toBe(before);
    const after = followed.take(EDS, [assignment('embed', [{ port: 9102 }])], []);
    expect(after && [...viewOf(after, CDS).keys()]).toEqual(['chat', 'embed']);
    expect(followed.take(LDS, [], ['models'])).toBeUndefined();
    expect(followed.snapshot).toBe(after);
  });

  it('says nothing of what changes nothing', () => {
    const followed = new Followed(KEY, WHOLE);
    expect(followed.take(EDS, [assignment('chat', [{ port: 9101 }])], [])).toBeUndefined();
    expect(followed.take(EDS, [assignment('chat', [{ port: 9101, weight: 7 }])], [])).toBeDefined();
  });

  it('has an empty layer in place of what lapses with the server, and keeps none', () => {
    const { snapshot } = new Followed(KEY, WHOLE);
    if (snapshot === undefined) throw new Error('no snapshot');
    const lapsing = viewOf(snapshot, RTDS).get(LAPSING_LAYER);
    expect(lapsing?.ttlMs).toBeUndefined();
    expect(lasting(snapshot).map(({ name }) => name)).not.toContain(LAPSING_LAYER);
  });
});
