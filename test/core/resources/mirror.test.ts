import { describe, expect, it } from 'vitest';
import { compileRuntime, compileStructure } from '../../../src/core/resources/index.ts';
import { aGroup, aPolicy, aService } from './build-policy.ts';
import { at, fingerprint, messageOf } from './read-resource.ts';

const mirrored = (percent: number) => [
  aService('chat', { mirror: { toService: 'next', percent } }),
  aService('next', { match: { pathPrefix: '/next' } }),
];
const structureOf = (services: ReturnType<typeof mirrored>) =>
  compileStructure(aPolicy(services), aGroup(services), { release: '1.40', listenerOverrides: {} });
const runtimeOf = (services: ReturnType<typeof mirrored>) => compileRuntime(aPolicy(services), aGroup(services));

describe('copies of requests', () => {
  it('go to the cluster of the other service, as many as a runtime value says, and none without it', () => {
    const routes = messageOf(structureOf(mirrored(10)), 'route', 'models');
    expect(at(routes, 'virtual_hosts.0.routes.1.route')).toMatchObject({
      cluster: 'chat',
      request_mirror_policies: [
        { cluster: 'next', runtime_fraction: { default_value: {}, runtime_key: 'loadline.mirror.chat' } },
      ],
    });
    expect(at(routes, 'virtual_hosts.1.routes.1.route')).not.toHaveProperty('request_mirror_policies');
  });

  it('are counted in the layer that stays without a controller, and an edit of the share is that value alone', () => {
    const lasting = messageOf(runtimeOf(mirrored(10)), 'runtime', 'lasting');
    expect((lasting.layer as Record<string, unknown>)['loadline.mirror.chat']).toBe(10);
    expect(fingerprint(structureOf(mirrored(0)))).toEqual(fingerprint(structureOf(mirrored(100))));
    expect(fingerprint(runtimeOf(mirrored(0)))).not.toEqual(fingerprint(runtimeOf(mirrored(100))));
  });
});
