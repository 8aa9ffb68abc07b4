import { expect, it } from 'vitest';
import { AssignmentEncoder } from '../../../src/base/codec/index.ts';
import { compileEndpointsOnly } from '../../../src/core/resources/index.ts';
import { poolsPolicy } from '../../support/pools-policy.ts';
import { loaded } from '../policy/load.ts';
import { anEndpoint, aPlan } from './build-policy.ts';
import { at, messageOf } from './read-resource.ts';

it('who asks for endpoints alone sends nothing to a pool of weight 0', () => {
  const pools = [
    { name: 'core', ports: [1] },
    { name: 'spare', ports: [2] },
  ];
  const policy = loaded(poolsPolicy(pools, '  split: { mode: Fixed, weights: { core: 1, spare: 0 } }\n'));
  const endpoints = [
    { ...anEndpoint('chat', 1), pool: 'core' },
    { ...anEndpoint('chat', 2), pool: 'spare' },
  ];
  const all = compileEndpointsOnly(aPlan(policy, { chat: endpoints }), undefined, new AssignmentEncoder());
  const hosts = at(messageOf(all, 'endpoint', 'chat'), 'endpoints.0.lb_endpoints') as { health_status: string }[];
  expect(hosts.map(({ health_status }) => health_status).sort()).toEqual(['DRAINING', 'HEALTHY']);
});
