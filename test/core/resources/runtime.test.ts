import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadlineError } from '../../../src/base/errors.ts';
import {
  checkRuntimeValue,
  compileRuntime,
  compileStructure,
  RUNTIME_KEYS,
} from '../../../src/core/resources/index.ts';
import { aGroup, aPolicy, aService } from './build-policy.ts';
import { fingerprint, messageOf } from './read-resource.ts';

describe('runtime layers', () => {
  it('carry the breaker and budget numbers of every service, so that their change is no change of the cluster', () => {
    const services = [aService('chat'), aService('embed')];
    const resources = compileRuntime(aPolicy(services), aGroup(services));
    expect(messageOf(resources, 'runtime', 'lasting')).toEqual({
      name: 'lasting',
      layer: Object.fromEntries(
        ['chat', 'embed'].flatMap((name) => [
          [`circuit_breakers.${name}.default.max_connections`, 512],
          [`circuit_breakers.${name}.default.max_pending_requests`, 256],
          [`circuit_breakers.${name}.default.max_requests`, 512],
          [`circuit_breakers.${name}.default.retry_budget.budget_percent`, 5],
          [`circuit_breakers.${name}.default.retry_budget.min_retry_concurrency`, 1],
        ]),
      ),
    });
  });

  it('take the retry budget away in the lapsing one, where every server fails: without a controller it is as before', () => {
    const services = [aService('chat'), aService('embed')];
    const resources = compileRuntime(aPolicy(services), aGroup(services), { retryCuts: ['chat'] });
    expect(messageOf(resources, 'runtime', 'lapsing')).toEqual({
      name: 'lapsing',
      layer: {
        'circuit_breakers.chat.default.retry_budget.budget_percent': 0,
        'circuit_breakers.chat.default.retry_budget.min_retry_concurrency': 0,
      },
    });
    expect(fingerprint(resources)['Runtime lasting']).toBe(
      fingerprint(compileRuntime(aPolicy(services), aGroup(services)))['Runtime lasting'],
    );
  });

  it('take it away of one pool of a fixed split alone, and of what is moved elsewhere when all are dead', () => {
    const origin = { file: 'policy.yaml', line: 1, column: 1 };
    const pools = ['gpu', 'next', 'small'].map((name) => ({
      ...{ name, origin, capacityType: 'OnDemand' as const, signals: {} },
      endpoints: { kind: 'Static' as const, endpoints: [] },
    }));
    const degrade = { kind: 'Degrade' as const, class: 'P1', toPool: 'small', upToPercent: 100 };
    const service = aService('chat', {
      pools,
      split: { kind: 'Fixed', weights: { gpu: 1, next: 1, small: 0 } },
      overload: { enterAt: 1, leaveAt: 0.8, actions: [degrade] },
    });
    const cut = (...retryCuts: readonly string[]) =>
      Object.keys(
        (
          messageOf(compileRuntime(aPolicy([service]), aGroup([service]), { retryCuts }), 'runtime', 'lapsing') as {
            layer: object;
          }
        ).layer,
      ).flatMap((key) => /^circuit_breakers\.(.*)\.default\.retry_budget\.budget_percent$/.exec(key)?.[1] ?? []);
    expect(cut('chat/gpu')).toEqual(['chat/gpu']);
    expect(cut('chat/gpu', 'chat/next')).toEqual(['chat/gpu', 'chat/next', 'chat/small']);
  });

  it('say what is shed in the lapsing one, of the group’s own services alone', () => {
    const services = [aService('chat'), aService('embed')];
    const resources = compileRuntime(aPolicy(services), aGroup(services), { sheds: { chat: 20, embed: 0, other: 50 } });
    expect(messageOf(resources, 'runtime', 'lapsing')).toEqual({
      name: 'lapsing',
      layer: { 'loadline.shed.chat': 20 },
    });
    for (const percent of [101, -1, 0.5, Number.NaN])
      expect(() => compileRuntime(aPolicy(services), aGroup(services), { sheds: { chat: percent } })).toThrow(
        LoadlineError,
      );
  });

  it('let the lapsing one lapse and the lasting one last', () => {
    const resources = compileRuntime(aPolicy([]), aGroup([]));
    expect(resources.map(({ name, ttlMs }) => [name, ttlMs])).toEqual([
      ['lapsing', 15_000],
      ['lasting', undefined],
    ]);
  });

  it('are the only thing that a changed breaker or budget touches', () => {
    const before = aService('chat');
    const after = aService('chat', {
      circuitBreakers: { maxConnections: 64, maxPendingRequests: 32, maxRequests: 64 },
      retry: { ...before.retry, budget: { percent: 20, minRetryConcurrency: 3 } },
    });
    const options = { release: '1.40', listenerOverrides: {} };
    const compile = (service: typeof before) => ({
      structure: fingerprint(compileStructure(aPolicy([service]), aGroup([service]), options)),
      runtime: fingerprint(compileRuntime(aPolicy([service]), aGroup([service]))),
    });
    expect(compile(after).structure).toEqual(compile(before).structure);
    expect(compile(after).runtime['Runtime lasting']).not.toBe(compile(before).runtime['Runtime lasting']);
    expect(compile(after).runtime['Runtime lapsing']).toBe(compile(before).runtime['Runtime lapsing']);
  });
});

describe('runtime keys', () => {
  const concrete = fc.record({
    entry: fc.constantFrom(...RUNTIME_KEYS),
    cluster: fc.stringMatching(/^[a-z0-9.-]{1,20}$/),
  });

  it('have a safe default inside their own range', () => {
    for (const { pattern, layer, safeDefault } of RUNTIME_KEYS) checkRuntimeValue(layer, pattern, safeDefault);
    expect(RUNTIME_KEYS.length).toBeGreaterThan(0);
  });

  it('take what is in range and refuse everything else', () => {
    fc.assert(
      fc.property(concrete, fc.oneof(fc.double(), fc.integer(), fc.nat(120)), ({ entry, cluster }, value) => {
        const key = entry.pattern.replace('{cluster}', cluster);
        const fits = value >= entry.min && value <= entry.max && (!entry.integer || Number.isInteger(value));
        const check = () => checkRuntimeValue(entry.layer, key, value);
        if (fits) expect(check).not.toThrow();
        else expect(check).toThrow(LoadlineError);
      }),
    );
  });

  it('belong to one layer: what must lapse cannot be sent to last', () => {
    for (const { pattern, layer, mayLapse, safeDefault } of RUNTIME_KEYS) {
      const other = layer === 'lasting' ? 'lapsing' : 'lasting';
      if (mayLapse === true) {
        expect(layer, 'over its lasting value').toBe('lasting');
        expect(() => checkRuntimeValue('lapsing', pattern, safeDefault)).not.toThrow();
        continue;
      }
      expect(() => checkRuntimeValue(other, pattern, safeDefault)).toThrow(/belongs to the layer/);
    }
  });

  it('are a closed list', () => {
    for (const key of [
      '',
      'circuit_breakers',
      'circuit_breakers..default.max_requests',
      'circuit_breakers.a.higher.max_requests',
      'upstream.healthy_panic_threshold',
      'xcircuit_breakers.a.default.max_requests',
      'circuit_breakers.a.default.max_requests.b',
    ]) {
      expect(() => checkRuntimeValue('lasting', key, 1)).toThrow(/not in the table/);
    }
  });
});
