import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../../src/core/access/index.ts';
import {
  type AccessSeam,
  type BeginRequest,
  type ByHandSeam,
  connectByHand,
  createAdminServer,
} from '../../../src/edge/admin/index.ts';
import { decodeBegin, encodeBegin } from '../../../src/edge/admin/operation-message.ts';
import { buildProxyConfigView, buildServerView, type OperationView } from '../../../src/edge/observe/index.ts';
import { viewInput } from '../observe/a-view.ts';
import { FakeLog } from '../observe/fake-log.ts';
import { operations } from './arbitrary-views.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

function view(id: string, service: string, over: Partial<OperationView> = {}): OperationView {
  const [sample] = fc.sample(operations, { numRuns: 1, seed: 1 });
  return { ...(sample as OperationView), id, service, kind: 'Drain', state: 'Running', ...over };
}

/** Two operations run, of two services. */
function aSeam(asked: [BeginRequest, string][] = []): ByHandSeam {
  const running = [view('drain-aaaa', 'chat'), view('freeze-bbbb', 'embed', { kind: 'Freeze' })];
  return {
    begin: async (request, author) => {
      asked.push([request, author]);
      return {
        ok: true,
        value: { operation: running[0] as OperationView, notes: ['a note'], replayed: false },
        warnings: [],
      };
    },
    find: (id) => running.find((one) => one.id === id),
    freezeOf: (service) => running.find((one) => one.kind === 'Freeze' && one.service === service),
    cancel: async (id, cancelReason, cancelledBy) => {
      const operation = running.find((one) => one.id === id) as OperationView;
      return {
        ok: true,
        value: {
          operation: { ...operation, state: 'Cancelled', cancelReason, cancelledBy },
          endedBefore: false,
          notes: [],
        },
        warnings: [],
      };
    },
    list: () => running,
  };
}

async function serve(byHand: ByHandSeam, access?: AccessSeam) {
  const input = viewInput(1);
  const nobody = { nowMs: 0, policyRevision: '', node: undefined, connected: () => [] };
  const peer: Peer =
    access === undefined ? { kind: 'Development' } : { kind: 'Certificate', spiffeId: 'spiffe://lab/ada' };
  const server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => buildServerView(input),
      explain: () => ({ ok: false, issues: [] }),
      proxyConfig: (target) => buildProxyConfigView(nobody, target),
    },
    operations: { probe: () => ({ ok: false, issues: [] }) },
    byHand,
    access,
    peerOf: () => peer,
    log: new FakeLog(),
  });
  ending.push(() => server.stop());
  const client = connectByHand(server.address);
  ending.push(() => client.close());
  return client;
}

/** Ada may operate `chat`, view both, and administer `dev`. */
const ADA: AccessSeam = {
  recognise: (transport) => ({ ok: true, peer: transport }),
  may: (_peer, action, resource) =>
    resource.kind === 'Service' &&
    (action === 'View'
      ? ['chat', 'embed'].includes(resource.name)
      : action === 'Operate'
        ? ['chat', 'dev'].includes(resource.name)
        : resource.name === 'dev'),
  services: () => ['chat', 'embed', 'dev'],
  servicesOfGroup: () => [],
  groupOfNode: () => undefined,
  refused: () => {},
};

const request = (over: Partial<BeginRequest['what']> = {}): BeginRequest => ({
  what: { kind: 'Drain', service: 'chat', reason: 'why', force: false, ...over } as BeginRequest['what'],
  end: { kind: 'For', ms: 60_000 },
  dryRun: false,
});

describe('operations by hand over gRPC', () => {
  it('carry each request as it was asked, and the author that was recognised', async () => {
    const asked: [BeginRequest, string][] = [];
    const client = await serve(aSeam(asked));
    const requests: readonly BeginRequest[] = [
      { ...request({ kind: 'Freeze' }), end: { kind: 'At', atMs: 1_800_000_000_000 } },
      request({ kind: 'Drain', pool: 'gpu', endpoint: '127.0.0.1:9101', idempotencyKey: 'k' } as never),
      { ...request({ kind: 'Failover', from: 'gpu', to: 'cpu' } as never), dryRun: true },
      { ...request({ kind: 'Shed', percent: 20, class: 'P3' } as never), end: undefined },
    ];
    for (const one of requests)
      expect(await client.begin(one)).toMatchObject({
        ok: true,
        value: { operation: { id: 'drain-aaaa' }, notes: ['a note'] },
      });
    expect(asked.map(([what]) => what)).toEqual(requests);
    expect(asked[0]?.[1]).toBe('development on loopback');
  });

  it('give the words of a refusal, with the field that is wrong and what would help', async () => {
    const words = async (code: string) => {
      const issues = [{ code, path: 'end', message: 'not so', hint: 'do this' }];
      const client = await serve({ ...aSeam(), begin: async () => ({ ok: false, issues }) });
      return client.begin(request());
    };
    expect(await words('Invalid')).toMatchObject({
      issues: [{ code: 'Invalid', path: 'terms.end_time', message: 'end: not so; do this' }],
    });
    expect(await words('NotFound')).toMatchObject({ issues: [{ code: 'NotFound', message: 'not so; do this' }] });
    expect(await words('Refused')).toMatchObject({ issues: [{ code: 'Refused', message: 'not so; do this' }] });
  });

  it('keep the reason of a failure to the server’s log', async () => {
    const client = await serve({ ...aSeam(), begin: () => Promise.reject(new Error('secret')) });
    await expect(client.begin(request())).rejects.toMatchObject({
      code: 'LOADLINE_ADMIN',
      message: expect.not.stringContaining('secret'),
    });
  });

  it('are begun and cancelled by who may operate the service alone', async () => {
    const client = await serve(aSeam(), ADA);
    expect((await client.begin(request())).ok).toBe(true);
    await expect(client.begin(request({ service: 'embed' }))).rejects.toThrow(/lacks the role Operator/);
    expect(await client.cancel('drain-aaaa', 'enough')).toMatchObject({
      ok: true,
      value: { operation: { cancelledBy: 'spiffe://lab/ada', cancelReason: 'enough' } },
    });
    const other = await client.cancel('freeze-bbbb', '');
    expect(other).toEqual(await client.cancel('freeze-bbbb', ''));
    expect(other).toMatchObject({
      ok: false,
      issues: [{ code: 'NotFound', message: 'no operation "freeze-bbbb"; these run: drain-aaaa' }],
    });
    await expect(client.unfreeze('embed', '')).rejects.toThrow(/lacks the role Operator/);
    expect(await client.unfreeze('chat', '')).toMatchObject({ ok: false, issues: [{ code: 'Refused' }] });
  });

  it('are forced by who may administer the service alone', async () => {
    const client = await serve(aSeam(), ADA);
    await expect(client.begin(request({ force: true }))).rejects.toThrow(/may not force: it lacks the role Admin/);
    expect((await client.begin(request({ service: 'dev', force: true }))).ok).toBe(true);
  });

  it('are listed for who may view the service', async () => {
    const blind: AccessSeam = {
      ...ADA,
      may: (_peer, action, resource) => resource.kind === 'Service' && action === 'View' && resource.name === 'embed',
    };
    expect((await (await serve(aSeam(), blind)).list({})).map(({ id }) => id)).toEqual(['freeze-bbbb']);
    const client = await serve(aSeam(), ADA);
    expect((await client.list({})).map(({ id }) => id)).toEqual(['drain-aaaa', 'freeze-bbbb']);
    expect((await client.list({ service: 'chat' })).map(({ id }) => id)).toEqual(['drain-aaaa']);
  });
});

describe('a request', () => {
  it('is read back as it was written', () => {
    const text = fc.string({ minLength: 1, maxLength: 8 });
    const common = { service: text, reason: text, force: fc.boolean() };
    const what: fc.Arbitrary<BeginRequest['what']> = fc.oneof(
      fc.record({ kind: fc.constant('Freeze' as const), ...common }),
      fc.record({ kind: fc.constant('Drain' as const), ...common, pool: text, endpoint: text }),
      fc.record({ kind: fc.constant('Failover' as const), ...common, from: text, to: text, idempotencyKey: text }),
      fc.record({ kind: fc.constant('Shed' as const), ...common, percent: fc.nat(100), class: text }),
    );
    const ms = fc.integer({ min: 1, max: 4_000_000_000_000 });
    const end: fc.Arbitrary<BeginRequest['end']> = fc.oneof(
      fc.constant(undefined),
      fc.record({ kind: fc.constant('For' as const), ms }),
      fc.record({ kind: fc.constant('At' as const), atMs: ms }),
    );
    fc.assert(
      fc.property(fc.record({ what, end, dryRun: fc.boolean() }), (asked) => {
        expect(decodeBegin(asked.what.kind, encodeBegin(asked))).toEqual(asked);
      }),
    );
  });
});
