import { describe, expect, it } from 'vitest';
import { encodeMessage, type JsonObject } from '../../../src/base/codec/index.ts';
import { type Resource, TYPE_URL } from '../../../src/core/resources/index.ts';
import { forRelease, receivedResource } from '../../../src/core/resources/received-resource.ts';
import { compileStructure } from '../../../src/core/resources/structure.ts';
import { aGroup, aPolicy, aService } from './build-policy.ts';
import { fingerprint } from './read-resource.ts';

const services = [aService('chat', { upstream: { protocol: 'Http2' } }), aService('embed', { hostnames: ['e'] })];
const policy = aPolicy(services);

function compiled(release: string): readonly Resource[] {
  return compileStructure(policy, aGroup(services), { release, listenerOverrides: {} });
}

function received(resources: readonly Resource[]): readonly Resource[] {
  return resources.map(({ typeUrl, name, bytes }) => receivedResource({ typeUrl, name, bytes }));
}

describe('a resource as it was received', () => {
  it('has the version that the server gave it, and needs what a listener or a cluster waits for', () => {
    const made = compiled('1.40');
    const taken = received(made);
    expect(fingerprint(taken)).toEqual(fingerprint(made));
    expect(taken.map(({ delta }) => delta)).toEqual(made.map(({ delta }) => delta));
    for (const type of [TYPE_URL.cluster, TYPE_URL.listener]) {
      const needs = (all: readonly Resource[]) =>
        all.filter(({ typeUrl }) => typeUrl === type).map(({ name, needs }) => [name, sorted(needs)]);
      expect(needs(taken)).toEqual(needs(made));
      expect(needs(taken).flatMap(([, some]) => some).length).toBeGreaterThan(1);
    }
  });

  it.each(['1.36', '1.38', '1.40'])('is for Envoy %s what the server would have made for it', (release) => {
    const older = received(compiled('1.40')).map((resource) => forRelease(resource, release));
    expect(fingerprint(older)).toEqual(fingerprint(compiled(release)));
  });

  it('leaves fields out that came later, and nothing else', () => {
    const detection = { consecutive_5xx: 5 };
    const made = (more: JsonObject): Resource => {
      const json = { name: 'chat', type: 'EDS', outlier_detection: { ...detection, ...more } };
      const bytes = encodeMessage(TYPE_URL.cluster, json);
      return receivedResource({ typeUrl: TYPE_URL.cluster, name: 'chat', bytes });
    };
    // Of Envoy 1.38.
    const newest = made({ detect_degraded_hosts: true });
    expect(forRelease(newest, '1.38')).toBe(newest);
    expect(forRelease(newest, '1.37')).toEqual(made({}));
    expect(made({}).version).not.toBe(newest.version);
  });
});

function sorted(needs: Resource['needs']): readonly string[] {
  return needs.map(({ typeUrl, name }) => `${typeUrl} ${name}`).sort();
}
