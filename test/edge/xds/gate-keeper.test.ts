import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Node } from '../../../src/base/codec/index.ts';
import type { ClientCertificate } from '../../../src/edge/tls/index.ts';
import { GateKeeper } from '../../../src/edge/xds/gate-keeper.ts';
import { STATUS } from '../../../src/edge/xds/transport/rpc.ts';

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'spiffe://t/web': ['web'],
  'spiffe://t/chat': ['chat'],
  'spiffe://t/both': ['chat', 'web'],
};

function node(id: string, cluster: string): Node {
  return {
    id,
    cluster,
    metadata: {},
    envoyVersion: '1.40.0',
    userAgent: 'envoy',
    clientFeatures: [],
  } as unknown as Node;
}

function client(spiffeId: string | undefined): ClientCertificate {
  return { spiffeId, serialNumber: '1', notAfterMs: Number.POSITIVE_INFINITY };
}

function keeper(mutualTls = true): GateKeeper {
  const snapshots = { groups: () => ['web', 'chat'], groupsOf: (id: string) => GROUPS[id] ?? [] };
  return new GateKeeper({ snapshots, mutualTls });
}

describe('with mutual TLS', () => {
  it.each([
    ['its only group, named', 'spiffe://t/web', 'web', 'web'],
    ['its only group, not named', 'spiffe://t/web', '', 'web'],
    ['the one that it names of several', 'spiffe://t/both', 'chat', 'chat'],
  ])('a node gets %s', (_, id, cluster, group) => {
    expect(keeper().standing(node('a', cluster), client(id), false)).toMatchObject({
      ok: true,
      peer: { nodeId: 'a', group, identity: id, key: { group } },
    });
  });

  it.each([
    ['a certificate without a SPIFFE ID', undefined, 'web', 'has no SPIFFE ID'],
    [
      'an identity of no group',
      'spiffe://t/stranger',
      'web',
      'no SidecarGroup has spiffe://t/stranger among its identities',
    ],
    ['another group in node.cluster', 'spiffe://t/web', 'chat', "spiffe://t/web may not join 'chat' (node.cluster)"],
    ['a group that there is not', 'spiffe://t/web', 'none', "spiffe://t/web may not join 'none' (node.cluster)"],
    ['no choice among several', 'spiffe://t/both', '', 'may join chat, web: node.cluster must name one of them'],
  ])('refuses %s', (_, id, cluster, words) => {
    expect(keeper().standing(node('a', cluster), client(id), false)).toEqual({
      ok: false,
      status: STATUS.PERMISSION_DENIED,
      message: expect.stringContaining(words),
    });
  });

  it('refuses a connection of nobody, which cannot be', () => {
    expect(keeper().standing(node('a', 'web'), undefined, false)).toMatchObject({ ok: false });
  });

  it('lets an Envoy whose clusters are someone else’s have the endpoints of its own group', () => {
    const gate = keeper();
    expect(gate.standing(node('a', 'istio-cluster'), client('spiffe://t/web'), true)).toMatchObject({
      ok: true,
      peer: { group: 'web', key: { group: 'web', endpointsOnly: true } },
    });
    expect(gate.standing(node('a', 'chat'), client('spiffe://t/web'), true)).toMatchObject({ ok: false });
    expect(gate.standing(node('a', 'istio-cluster'), client('spiffe://t/both'), true)).toMatchObject({ ok: false });
  });

  it('does not let an identity take over the id of a live node of another, until that is gone', () => {
    const gate = keeper();
    gate.claims.take('a', 'spiffe://t/web');
    gate.claims.take('a', 'spiffe://t/web'); // its load reports
    const spoof = () => gate.standing(node('a', 'chat'), client('spiffe://t/chat'), false);
    expect(spoof()).toMatchObject({ ok: false, message: expect.stringContaining("node.id 'a' is in use") });
    expect(JSON.stringify(spoof())).not.toContain('spiffe://t/web');
    expect(gate.standing(node('a', 'web'), client('spiffe://t/web'), false)).toMatchObject({ ok: true });
    gate.claims.give('a', 'spiffe://t/web');
    expect(spoof()).toMatchObject({ ok: false });
    gate.claims.give('a', 'spiffe://t/web');
    expect(spoof()).toMatchObject({ ok: true });
  });

  it('never gives a node a group that its identity may not join: 10,000 random pairs', () => {
    const gate = keeper();
    const id = fc.constantFrom(undefined, ...Object.keys(GROUPS), 'spiffe://t/stranger', 'spiffe://t/web/x');
    const cluster = fc.oneof(fc.constantFrom('', 'web', 'chat', 'none'), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(id, cluster, fc.boolean(), (spiffeId, name, endpointsOnly) => {
        const standing = gate.standing(node('a', name), client(spiffeId), endpointsOnly);
        const own = spiffeId === undefined ? [] : (GROUPS[spiffeId] ?? []);
        if (standing.ok) expect(own).toContain(standing.peer.key.group);
        else expect(standing.status).toBe(STATUS.PERMISSION_DENIED);
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('in plaintext, on loopback', () => {
  it('takes the word of the node', () => {
    const gate = keeper(false);
    expect(gate.standing(node('a', 'web'), undefined, false)).toMatchObject({ ok: true, peer: { group: 'web' } });
    expect(gate.standing(node('a', 'istio'), undefined, true)).toMatchObject({ ok: true, peer: { group: '' } });
    expect(gate.standing(node('a', 'none'), undefined, false)).toEqual({
      ok: false,
      status: STATUS.NOT_FOUND,
      message: "no SidecarGroup named 'none' (node.cluster); known: web, chat",
    });
  });
});
