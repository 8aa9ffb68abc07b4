import { afterEach, describe, expect, it } from 'vitest';
import {
  connectOperations,
  createAdminServer,
  type OperationsSeam,
  type ProbeEvent,
  type ProbeRequest,
} from '../../../src/edge/admin/index.ts';
import { buildProxyConfigView, buildServerView } from '../../../src/edge/observe/index.ts';
import { viewInput } from '../observe/a-view.ts';
import { FakeLog } from '../observe/fake-log.ts';

const REQUEST: ProbeRequest = {
  service: 'chat',
  pool: 'gpu',
  address: '10.0.0.1:8000',
  stepRatio: 0.2,
  holdMs: 30_000,
  reason: 'a test',
};
const MEASURE = {
  delaySec: { value: 1.25, low: 0.5, high: 2 },
  gain: { value: 0.9, low: 0.4, high: 1.4 },
  expectedGain: 0.75,
  inFlightPerSidecar: 0.5,
  requests: 6000,
};
const TOLD: readonly ProbeEvent[] = [
  { kind: 'Begun', startAtMs: 1000, endAtMs: 71_000, neededRequests: 3000, expectedRequests: 6000 },
  { kind: 'Going', progress: { atMs: 2000, factor: 1.2, weight: 1000, issuedShare: 0.25 } },
  { kind: 'Going', progress: { atMs: 3000, factor: 1.2, weight: 1000, issuedShare: undefined } },
  { kind: 'Ended', measure: MEASURE },
];

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

async function serve(operations?: OperationsSeam) {
  const input = viewInput(1);
  const nobody = { nowMs: 0, policyRevision: '', node: undefined, connected: () => [] };
  const server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => buildServerView(input),
      explain: () => ({ ok: false, issues: [] }),
      proxyConfig: (target) => buildProxyConfigView(nobody, target),
    },
    ...(operations === undefined ? {} : { operations }),
    log: new FakeLog(),
  });
  ending.push(() => server.stop());
  const client = connectOperations(server.address);
  ending.push(() => client.close());
  return client;
}

describe('the Operations service', () => {
  it('carries a probe from its beginning to what it measured', async () => {
    const asked: ProbeRequest[] = [];
    const client = await serve({
      probe: (request, tell) => {
        asked.push(request);
        for (const event of TOLD) tell(event);
        return { ok: true, cancel: () => {} };
      },
    });
    const heard: ProbeEvent[] = [];
    const result = await client.probe(REQUEST, (event) => heard.push(event));
    expect(asked).toEqual([REQUEST]);
    expect(heard).toEqual(TOLD);
    expect(result).toMatchObject({ ok: true, value: TOLD.at(-1) });
  });

  it('gives the words of a refusal, and of one that ended early', async () => {
    for (const code of ['NotFound', 'Invalid', 'Refused']) {
      const client = await serve({
        probe: () => ({ ok: false, issues: [{ code, path: '', message: `no: ${code}` }] }),
      });
      expect(await client.probe(REQUEST, () => {})).toMatchObject({ ok: false, issues: [{ message: `no: ${code}` }] });
    }
    const client = await serve({
      probe: (_, tell) => {
        tell({ kind: 'Aborted', reason: 'shares move' });
        return { ok: true, cancel: () => {} };
      },
    });
    expect(await client.probe(REQUEST, () => {})).toMatchObject({ value: { kind: 'Aborted', reason: 'shares move' } });
  });

  it('ends a probe when who asked for it goes away', async () => {
    let cancelled: () => void = () => {};
    const gone = new Promise<void>((resolve) => {
      cancelled = resolve;
    });
    const client = await serve({
      probe: (_, tell) => {
        tell(TOLD[0] as ProbeEvent);
        return { ok: true, cancel: cancelled };
      },
    });
    const probing = client.probe(REQUEST, () => client.cancel());
    await expect(probing).rejects.toMatchObject({ code: 'LOADLINE_ADMIN' });
    await gone;
  });

  it('says so where the server changes nothing', async () => {
    const client = await serve();
    await expect(client.probe(REQUEST, () => {})).rejects.toMatchObject({ code: 'LOADLINE_ADMIN' });
  });
});
