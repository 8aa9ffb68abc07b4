import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../src/base/codec/index.ts';
import type { ModelService, RequestMatch } from '../../../src/core/policy/index.ts';
import { checkResource, compileStructure } from '../../../src/core/resources/index.ts';
import { aGroup, aPolicy, aService } from './build-policy.ts';
import { at, messageOf } from './read-resource.ts';

const PREFIX = '/v1/';

function structureOf(services: readonly ModelService[], release = '1.40') {
  return compileStructure(aPolicy(services), aGroup(services), { release, listenerOverrides: {} });
}

function told(name: string, match: Partial<RequestMatch> = {}): ModelService {
  return aService(name, { hostnames: ['*'], match: { pathPrefix: PREFIX, ...match } as RequestMatch });
}

/** Routes in their order, without those of sheds: service (or 404), what they match beside the prefix, whether they read bodies. */
function routesOf(...services: readonly ModelService[]): readonly string[] {
  const hosts = messageOf(structureOf(services), 'route', 'models').virtual_hosts as JsonObject[];
  const routes = (hosts[0]?.routes as JsonObject[]).filter(({ name }) => !String(name).endsWith('/shed'));
  return routes.map((route) => {
    const { prefix, path, headers = [], dynamic_metadata: models } = route.match as JsonObject;
    const words = [
      (route.name as string | undefined) ?? String(at(route, 'direct_response.status')),
      String(path ?? prefix),
      ...(headers as JsonObject[]).map((one) => `${one.name}=${at(one, 'string_match.exact')}`),
      ...(models === undefined ? [] : ['model']),
      ...(route.typed_per_filter_config === undefined ? [] : ['reads']),
    ];
    return words.join(' ');
  });
}

function filtersOf(services: readonly ModelService[], release?: string): readonly JsonObject[] {
  const listener = messageOf(structureOf(services, release), 'listener', 'models');
  return at(listener, 'filter_chains.0.filters.0.typed_config.http_filters') as JsonObject[];
}

describe('services told by the model in the body', () => {
  it('have filters in the listener that are off by themselves, before all that depend on the route', () => {
    const filters = filtersOf([told('a', { models: ['x'] })]);
    expect(filters.slice(0, 3).map(({ name, disabled }) => [name, disabled])).toEqual([
      ['loadline.body', true],
      ['loadline.model', true],
      ['loadline.rate-limit.sidecar', undefined],
    ]);
  });

  it('leave a listener without any of them as it was', () => {
    expect(filtersOf([told('a')]).map(({ name }) => name)[0]).toBe('loadline.rate-limit.sidecar');
  });

  it('take the bodies that Envoy can parse without harm: before 1.38 nested JSON overflows its stack', () => {
    const bound = (release: string) =>
      at(filtersOf([told('a', { models: ['x'] })], release)[0]!, 'typed_config.max_request_bytes');
    expect([bound('1.36'), bound('1.37'), bound('1.38'), bound('1.40')]).toEqual([
      65_536, 65_536, 8_388_608, 8_388_608,
    ]);
  });

  it('match one name, or one of several', () => {
    const routes = messageOf(
      structureOf([told('a', { models: ['x'] }), told('b', { models: ['y', 'z'] })]),
      'route',
      'models',
    );
    const where = { filter: 'loadline', path: [{ key: 'model' }] };
    expect(at(routes, 'virtual_hosts.0.routes.1.match.dynamic_metadata')).toEqual([
      { ...where, value: { string_match: { exact: 'x' } } },
    ]);
    expect(at(routes, 'virtual_hosts.0.routes.3.match.dynamic_metadata')).toEqual([
      {
        ...where,
        value: { or_match: { value_matchers: [{ string_match: { exact: 'y' } }, { string_match: { exact: 'z' } }] } },
      },
    ]);
  });

  it('answer what names none of their models with 404 in the words of the API, and read bodies there', () => {
    const services = [told('a', { models: ['x'] }), told('b', { models: ['y'] })];
    expect(routesOf(...services)).toEqual(['a /v1/ model', 'b /v1/ model', '404 /v1/ reads']);
    const routes = messageOf(structureOf(services), 'route', 'models');
    const body = String(at(routes, 'virtual_hosts.0.routes.4.direct_response.body.inline_string'));
    expect(JSON.parse(body)).toMatchObject({ error: { code: 'model_not_found', type: 'invalid_request_error' } });
  });

  it('let a service of the same path have what is left, after the body was read', () => {
    expect(routesOf(told('a', { models: ['x'] }), told('rest'))).toEqual([
      'a /v1/ model',
      'rest /v1/ reads',
      '404 /v1/ reads',
    ]);
  });

  it('let no service of a shorter path have it, and read no bodies of others', () => {
    const ui = aService('ui', { hostnames: ['*'], match: { pathPrefix: '/' } });
    const embed = aService('embed', { hostnames: ['*'], match: { pathPrefix: '/v1/embeddings' } });
    expect(routesOf(told('a', { models: ['x'] }), ui, embed)).toEqual([
      'embed /v1/embeddings',
      'a /v1/ model',
      '404 /v1/ reads',
      'ui /',
    ]);
  });

  it('concern only requests with their headers', () => {
    const header = (exact: string) => ({ headers: [{ name: 'x-tenant', exact }] });
    const services = [told('a', { ...header('acme'), models: ['x'] }), told('b', header('other')), told('rest')];
    expect(routesOf(...services)).toEqual([
      'a /v1/ x-tenant=acme model',
      'b /v1/ x-tenant=other',
      'rest /v1/ reads',
      '404 /v1/ x-tenant=acme reads',
    ]);
  });

  it.each(['1.36', '1.38', '1.40'])('break no rule of Envoy %s', (release) => {
    const resources = structureOf([told('a', { models: ['x', 'y'] }), told('rest')], release);
    expect(resources.flatMap(checkResource)).toEqual([]);
  });
});

describe('services told by header and path', () => {
  it('stand with the most particular first: a whole path, a longer prefix, more headers', () => {
    const headers = (count: number) => ({
      headers: Array.from({ length: count }, (_, i) => ({ name: `x-${i}`, exact: 'yes' })),
    });
    const services = [
      told('plain'),
      told('one', headers(1)),
      told('two', headers(2)),
      aService('long', { hostnames: ['*'], match: { pathPrefix: '/v1/longer' } }),
      aService('exact', { hostnames: ['*'], match: { path: '/v1' } }),
    ];
    expect(routesOf(...services)).toEqual([
      'exact /v1',
      'long /v1/longer',
      'two /v1/ x-0=yes x-1=yes',
      'one /v1/ x-0=yes',
      'plain /v1/',
    ]);
  });

  it('keep their headers beside those of traffic classes', () => {
    const service = told('a', { headers: [{ name: 'x-tenant', exact: 'acme' }] });
    const origin = { file: 'policy.yaml', line: 1, column: 1 };
    const group = aGroup([service], { trafficClasses: { use: 'std', allow: ['P1', 'P2'], default: 'P2' } });
    const of = (name: string) => ({ name, reservePercent: 0, shed: 'Default' as const });
    const classes = { name: 'std', origin, header: 'x-class', classes: [of('P1'), of('P2')] };
    const policy = { ...aPolicy([service], group), trafficClasses: [classes] };
    const routes = messageOf(
      compileStructure(policy, group, { release: '1.40', listenerOverrides: {} }),
      'route',
      'models',
    );
    const names = (index: number) => at(routes, `virtual_hosts.0.routes.${index}.match.headers`);
    expect(names(1)).toEqual([
      { name: 'x-tenant', string_match: { exact: 'acme' } },
      { name: 'x-class', string_match: { exact: 'P1' } },
      { name: 'x-class', string_match: { exact: 'P2' }, invert_match: true },
    ]);
    expect(names(3)).toEqual([{ name: 'x-tenant', string_match: { exact: 'acme' } }]);
  });
});
