import { describe, expect, it } from 'vitest';
import { inCluster, isNodeName, readApiPlace } from '../../../src/edge/kubernetes/api-place.ts';

const SECRETS = '/var/run/secrets/kubernetes.io/serviceaccount';

describe('where the Kubernetes API is', () => {
  it.each([
    [{}, undefined],
    [{ KUBERNETES_SERVICE_HOST: '10.0.0.1' }, undefined],
    [{ KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' }, 'https://10.0.0.1:443'],
    [{ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }, 'https://[fd00::1]:6443'],
  ])('in a pod with %j', (env, url) => {
    const place = { url, tokenFile: `${SECRETS}/token`, caFile: `${SECRETS}/ca.crt` };
    expect(inCluster(env)).toEqual(url === undefined ? undefined : place);
  });

  it.each([
    [{ url: 'https://10.0.0.1:6443', tokenFile: 't', caFile: 'c' }],
    [{ url: 'https://api.example/' }],
    [{ url: 'http://127.0.0.1:8001' }],
    [{ url: 'http://[::1]:8001' }],
    [{ url: 'http://localhost:8001' }],
  ])('by hand: %j', (place) => {
    expect(readApiPlace(place)).toEqual({ ok: true, value: place, warnings: [] });
  });

  it.each([
    [{ url: 'https://10.0.0.1/api' }, 'url', /without a path/],
    [{ url: 'https://user:secret@10.0.0.1' }, 'url', /without a path/],
    [{ url: 'ftp://10.0.0.1' }, 'url', /without a path/],
    [{ url: 'http://10.0.0.1:8001' }, 'url', /not this machine/],
    [{ url: 'http://127.0.0.1:8001', tokenFile: 't' }, 'tokenFile', /over https/],
    [{ url: 'http://127.0.0.1:8001', caFile: 'c' }, 'caFile', /for https/],
  ])('by hand: %j is refused', (place, path, words) => {
    expect(readApiPlace(place)).toMatchObject({ ok: false, issues: [{ path, message: expect.stringMatching(words) }] });
  });
});

describe('the name of a node', () => {
  it.each(['gpu-7', 'ip-10-0-0-1.eu-west-1.compute.internal', '7'])('can be %s', (name) => {
    expect(isNodeName(name)).toBe(true);
  });

  it.each([
    '',
    'GPU-7',
    '../pods',
    'a/b',
    'a,b=c',
    '-a',
    'a.',
    'a..b',
    'x'.repeat(254),
    'a\n',
  ])('cannot be %j', (name) => {
    expect(isNodeName(name)).toBe(false);
  });
});
