import { describe, expect, it } from 'vitest';
import { TYPE } from './index.ts';
import { assignment, cluster, heartbeat, lines, runtime, Scene } from './scene.ts';

const LAYERS = { runtimeLayers: ['lapsing'] };
const there = (scene: Scene) => scene.model.bodies(TYPE.runtime).has('lapsing');

function lapsing(variant: 'Delta' | 'Sotw'): Scene {
  const scene = new Scene(variant, LAYERS);
  scene.connect();
  scene.send('runtime', [runtime('lapsing', '1', { ttlMs: 3000 })]);
  scene.send('cluster', []);
  scene.send('listener', []);
  return scene;
}

describe.each(['Delta', 'Sotw'] as const)('TTL in a %s Envoy', (variant) => {
  it('without a heartbeat the layer is gone when the TTL is over, with or without a stream', () => {
    const scene = lapsing(variant);
    expect(scene.model.nextEventMs()).toBe(3000);
    scene.wait(2999);
    expect(there(scene)).toBe(true);
    scene.model.disconnect(scene.nowMs);
    scene.wait(1);
    expect(there(scene)).toBe(false);
    expect(scene.model.heldVersions(TYPE.runtime).size).toBe(0);
  });

  it('the full resource again re-arms it, and is no needless repetition', () => {
    const scene = lapsing(variant);
    scene.wait(2000);
    scene.send('runtime', [runtime('lapsing', '1', { ttlMs: 3000 })]);
    scene.wait(2000);
    expect(there(scene)).toBe(true);
    expect(scene.model.problems()).toEqual([]);
  });

  it('a resource without a TTL lasts', () => {
    const scene = lapsing(variant);
    scene.send('runtime', [runtime('lapsing', '2')]);
    scene.wait(10_000);
    expect(there(scene)).toBe(true);
  });

  it('after it has lapsed the resource is new', () => {
    const scene = lapsing(variant);
    scene.wait(3000);
    scene.send('runtime', [runtime('lapsing', '1', { ttlMs: 3000 })]);
    expect(there(scene)).toBe(true);
    expect(scene.model.problems()).toEqual([]);
  });

  it('of an assignment it changes nothing in a live cluster, and ends the waiting of a warming one', () => {
    const scene = new Scene(variant).serve('a');
    scene.send('endpoint', [assignment('a', '2', 2, { ttlMs: 1000 })]);
    scene.wait(500);
    scene.change(cluster('a', '2'));
    scene.wait(500);
    expect(scene.model.activeClusters.get('a')).toMatchObject({ version: '2', endpoints: 0, unfilled: 'Removed' });
    expect(scene.codes()).toEqual(['UH']);
  });
});

describe('heartbeats of a Delta Envoy', () => {
  it('name, version and TTL without a body re-arm it', () => {
    const scene = lapsing('Delta');
    scene.wait(2000);
    expect(lines(scene.send('runtime', [heartbeat('lapsing', '1', 3000)]))).toEqual(['rtds ack 4']);
    scene.wait(2999);
    expect(there(scene)).toBe(true);
    scene.wait(1);
    expect(there(scene)).toBe(false);
  });

  it('of another version than the one held they are refused', () => {
    const scene = lapsing('Delta');
    expect(lines(scene.send('runtime', [heartbeat('lapsing', '2', 3000)]))).toEqual(['rtds nack 4']);
    scene.wait(3000);
    expect(lines(scene.send('runtime', [heartbeat('lapsing', '1', 3000)]))).toEqual(['rtds nack 5']);
  });

  it('a reconnect still names the layer while its TTL runs; a server that stays silent lets it lapse', () => {
    const scene = lapsing('Delta');
    scene.wait(2000);
    expect(lines(scene.reconnect())[0]).toBe('rtds node +lapsing has lapsing@1');
    scene.wait(1000);
    expect(there(scene)).toBe(false);
    expect(lines(scene.reconnect())[0]).toBe('rtds node +lapsing');
  });

  it('several layers lapse each on its own', () => {
    const scene = new Scene('Delta', { runtimeLayers: ['lasting', 'lapsing'] });
    scene.connect();
    scene.send('runtime', [runtime('lasting', '1'), runtime('lapsing', '1', { ttlMs: 1000 })]);
    scene.wait(1000);
    expect([...scene.model.bodies(TYPE.runtime).keys()]).toEqual(['lasting']);
    expect(scene.model.problems()).toEqual([]);
  });
});

describe('heartbeats of a Sotw Envoy', () => {
  it('without a body they are dropped before the TTL is looked at: it lapses', () => {
    const scene = lapsing('Sotw');
    scene.wait(2000);
    expect(lines(scene.send('runtime', [heartbeat('lapsing', '1', 3000)], { versionInfo: 'v1' }))).toEqual([
      'rtds =lapsing v1 ack 4',
    ]);
    scene.wait(1000);
    expect(there(scene)).toBe(false);
  });

  it('without a body under a new version_info they are an empty message: refused', () => {
    const scene = lapsing('Sotw');
    const [said] = scene.send('runtime', [heartbeat('lapsing', '1', 3000)]);
    expect(said?.errorMessage).toMatch(/^Unexpected .* \(expecting lapsing\): $/);
    expect(there(scene)).toBe(true);
  });

  it('a TTL that lapses kills an Envoy with several layers', () => {
    const scene = new Scene('Sotw', { runtimeLayers: ['lasting', 'lapsing'] });
    scene.connect();
    scene.send('runtime', [runtime('lasting', '1'), runtime('lapsing', '1', { ttlMs: 1000 })]);
    scene.wait(1000);
    expect(scene.codes()).toEqual(['crash']);
  });
});
