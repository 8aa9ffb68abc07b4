import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { explainText } from '../../src/cli/commands/explain.ts';
import { statusText } from '../../src/cli/commands/status.ts';
import { termLines } from '../../src/cli/explain-words.ts';
import { counterfactualOf, imbalanceOf, issuedShares } from '../../src/core/control/index.ts';
import type { Terms } from '../../src/core/weights/index.ts';
import { type AdminServer, createAdminServer } from '../../src/edge/admin/index.ts';
import {
  type BeliefView,
  buildExplainView,
  buildProxyConfigView,
  buildServerView,
  type EndpointExplanation,
  type ExplainView,
  type ServerView,
} from '../../src/edge/observe/index.ts';
import { Fleet, fleetPolicy } from '../core/control/fleet.ts';
import { viewInput } from '../edge/observe/a-view.ts';
import { FakeLog } from '../edge/observe/fake-log.ts';
import { freePort } from '../support/free-port.ts';
import { run } from './run.ts';

const INPUT = viewInput(40, {
  nodes: [
    {
      id: 'sidecar-a',
      group: 'lab',
      envoyVersion: '1.40.0',
      peer: '127.0.0.1:5000',
      connectedAtMs: 1_800_000_000_000,
      types: [
        { type: 'cds', status: 'SYNCED', resources: 1 },
        {
          type: 'eds',
          status: 'NACKED',
          resources: 2,
          message: 'weight is wrong',
          origin: 'lab.yaml:12:3',
          revision: 'r7',
        },
        {
          type: 'rds',
          status: 'STALE',
          resources: 1,
          message: 'models waits: the client has not taken cluster chat yet',
        },
      ],
    },
  ],
  sources: [
    {
      source: 'engine http://10.0.0.1:8000/metrics',
      service: 'chat',
      pool: 'gpu',
      lastSuccessMs: undefined,
      consecutiveFailures: 3,
      lastError: 'connection refused',
    },
  ],
});
const VIEW: ServerView = buildServerView(INPUT);
const NOBODY = { nowMs: 0, policyRevision: 'r7', node: undefined, connected: () => [] };
let server: AdminServer;

beforeAll(async () => {
  server = await createAdminServer({
    address: '127.0.0.1:0',
    observe: {
      status: () => VIEW,
      explain: (target) => buildExplainView(INPUT, target),
      proxyConfig: (target) => buildProxyConfigView(NOBODY, target),
    },
    log: new FakeLog(),
  });
});

afterAll(async () => {
  await server.stop();
});

describe('status', () => {
  it('shows sidecars by type, what is refused and where it comes from, weights and failing sources', async () => {
    const { code, out, err } = await run('status', '--admin', server.address);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^loadline 1\.2\.3, up 40 s, tick 41, policy revision [0-9a-f]{16} \(lab\.yaml\)\n/);
    expect(out).toMatch(/sidecar-a +lab +1\.40\.0 +40 s +SYNCED +NACKED +- +STALE +- +-/);
    expect(out).toContain('sidecar-a refuses eds (lab.yaml:12:3, revision r7): weight is wrong\n');
    expect(out).toContain('sidecar-a rds: models waits: the client has not taken cluster chat yet\n');
    expect(out).toMatch(/gpu\/10\.0\.0\.3:8000 +\d+ /);
    expect(out).toContain(
      '1 of 1 sources fail:\n  engine http://10.0.0.1:8000/metrics: connection refused (last success never)',
    );
  });

  it('gives programs the same as JSON and as YAML', async () => {
    const expected: unknown = JSON.parse(JSON.stringify(VIEW));
    const json = await run('status', '--admin', server.address, '--output', 'json');
    expect(JSON.parse(json.out)).toEqual(expected);
    const yaml = await run('status', '--admin', server.address, '--output', 'yaml');
    expect(parse(yaml.out)).toEqual(expected);
  });

  it('shortens what Envoy says, and leaves out what is not known', () => {
    const [node] = VIEW.nodes as [ServerView['nodes'][number]];
    const message = `what: ${'dump '.repeat(800)}: why`;
    const types = [{ type: 'cds', status: 'NACKED' as const, resources: 1, message }];
    const text = statusText({ ...VIEW, nodes: [{ ...node, types }] }, false);
    expect(text).toMatch(/^sidecar-a refuses cds: what: dump .{1,60} … .{1,240}: why$/m);
  });

  it('says that nobody is connected, and what is wrong with the newest policy', () => {
    const problems = [
      { code: 'X', path: 'spec.pools', message: 'is missing', position: { file: 'lab.yaml', line: 3, column: 1 } },
      { code: 'X', path: '', message: 'cannot be read' },
    ];
    const text = statusText({ ...VIEW, nodes: [], sources: [], policy: { ...VIEW.policy, problems } }, false);
    expect(text).toContain('No sidecar is connected.');
    expect(text).toContain('the newest policy is refused: lab.yaml:3:1 spec.pools: is missing\n');
    expect(text).toContain('the newest policy is refused: cannot be read\n');
    expect(text).not.toContain('sources fail');
  });

  it('shows what a source that answers does not say', () => {
    const [source] = VIEW.sources as [ServerView['sources'][number]];
    const lastError = 'knows no engine metric of 10.0.0.1:8000';
    const quiet = { ...source, source: 'engine prometheus http://p', consecutiveFailures: 0, lastError };
    const text = statusText({ ...VIEW, sources: [source, quiet, { ...quiet, lastError: undefined }] }, false);
    expect(text).toContain('\n1 of 3 sources fail:\n  engine http://10.0.0.1:8000/metrics: connection refused');
    expect(text).toContain(
      '\n1 of 3 sources say less than they should:\n  engine prometheus http://p: knows no engine metric of 10.0.0.1:8000\n',
    );
  });

  it('says which certificate comes to its end, and why newer ones are not in use', () => {
    const { nowMs } = VIEW;
    const one = (state: 'Valid' | 'Late' | 'Urgent' | 'Expired', leftMs: number) => ({
      role: 'server',
      file: `${state}.crt`,
      expiresAtMs: nowMs + leftMs,
      state,
    });
    const tls = {
      certificates: [one('Valid', 1e9), one('Late', 7_200_000), one('Urgent', 60_000), one('Expired', -1)],
      problems: ['server.key cannot be read: ENOENT'],
    };
    const text = statusText({ ...VIEW, tls }, false);
    expect(text).toContain('the newest certificates are refused: server.key cannot be read: ENOENT\n');
    expect(text).toContain('Late.crt expires in 120 min (');
    expect(text).toContain('Urgent.crt expires in 60 s (');
    expect(text).toContain('Expired.crt has expired (');
    expect(text).not.toContain('Valid.crt');
  });

  it('shows a server without endpoints and decisions', () => {
    const text = statusText(
      {
        ...VIEW,
        services: [
          {
            name: 'chat',
            outcome: 'Undecided',
            decidedAtMs: null,
            overload: null,
            failover: null,
            zones: null,
            pools: [],
          },
        ],
      },
      false,
    );
    expect(text).toContain('service chat: Undecided, weights stand for -');
  });
});

describe('status of a full service', () => {
  const lineOf = (overload: ServerView['services'][0]['overload']) => {
    const services = [
      {
        name: 'chat',
        outcome: 'Undecided' as const,
        decidedAtMs: null,
        overload,
        failover: null,
        zones: null,
        pools: [],
      },
    ];
    return statusText({ ...VIEW, services }, false)
      .split('\n')
      .find((line) => line.includes('saturation'));
  };

  it('says what becomes of the requests of each zone, where it prefers the same', () => {
    const zones = {
      plannedLocalRatio: 0.75,
      measuredLocalRatio: 0.738,
      zones: [
        { zone: '', demandRatio: 0, capacityRatio: 0.1, localRatio: null },
        { zone: 'a', demandRatio: 0.75, capacityRatio: 0.5, localRatio: 2 / 3 },
      ],
    };
    const service = { name: 'chat', outcome: 'Undecided' as const, decidedAtMs: null, overload: null, failover: null };
    const text = statusText({ ...VIEW, services: [{ ...service, zones, pools: [] }] }, false);
    expect(text).toContain(`
  prefers the same zone: 75 % of the requests are to stay in theirs, 74 % did of late
    no zone: sends 0 %, its servers are to have 10 %; it has no sidecars
    zone a: sends 75 %, its servers are to have 50 %; 67 % of its own stay
`);
  });

  it('says what becomes of its tiers', () => {
    const failover = { phase: 'Away' as const, percent: 35, reason: '35 % to spare: core is slow', tiers: [] };
    const services = [
      {
        name: 'chat',
        outcome: 'Undecided' as const,
        decidedAtMs: null,
        overload: null,
        failover,
        zones: null,
        pools: [],
      },
    ];
    expect(statusText({ ...VIEW, services }, false)).toContain('\n  tiers: 35 % to spare: core is slow\n');
  });

  it('says how full the rest would be without Spot', () => {
    const full = { saturation: 0.7, reason: '', level: 0, levels: 0, sheds: [], degrades: [] };
    const lineWith = (withoutSpot: { saturation: number | null; reason: string }) => {
      const overload = { ...full, withoutSpot };
      const services = [
        {
          name: 'chat',
          outcome: 'Undecided' as const,
          decidedAtMs: null,
          overload,
          failover: null,
          zones: null,
          pools: [],
        },
      ];
      return statusText({ ...VIEW, services }, false)
        .split('\n')
        .find((line) => line.includes('without Spot'));
    };
    const reason = '54 in flight for 40 slots of the servers that would stay';
    expect(lineWith({ saturation: 1.35, reason })).toBe(
      `  without Spot 1.35: no reserve for the loss of it (${reason})`,
    );
    expect(lineWith({ saturation: 0.5, reason })).toBe(`  without Spot 0.50 (${reason})`);
    expect(lineWith({ saturation: null, reason: 'nobody' })).toBe('  without Spot unknown (nobody)');
  });

  it('says how full it is and why, and what is shed for that', () => {
    const reason = '33 in flight for 32 slots of 2 servers';
    const sheds = [
      { class: 'P3', percent: 100 },
      { class: 'P2', percent: 35 },
    ];
    expect(lineOf({ saturation: 1.031, reason, level: 2, levels: 3, sheds, degrades: [], withoutSpot: null })).toBe(
      '  saturation 1.03, level 2 of 3: P3 100 %, P2 35 % shed (33 in flight for 32 slots of 2 servers)',
    );
    const degrades = [{ class: 'P1', pool: 'standby', percent: 40 }];
    expect(lineOf({ saturation: 1.2, reason, level: 3, levels: 3, sheds, degrades, withoutSpot: null })).toBe(
      '  saturation 1.20, level 3 of 3: P3 100 %, P2 35 % shed, P1 40 % to standby (33 in flight for 32 slots of 2 servers)',
    );
    expect(lineOf({ saturation: 0.5, reason, level: 0, levels: 3, sheds: [], degrades: [], withoutSpot: null })).toBe(
      '  saturation 0.50, level 0 of 3 (33 in flight for 32 slots of 2 servers)',
    );
    expect(
      lineOf({
        saturation: null,
        reason: 'no server takes requests',
        level: 0,
        levels: 0,
        sheds: [],
        degrades: [],
        withoutSpot: null,
      }),
    ).toBe('  saturation unknown (no server takes requests)');
    expect(lineOf(null)).toBeUndefined();
  });
});

describe('explain', () => {
  it('gives each endpoint a row and a sentence', async () => {
    const { code, out, err } = await run('explain', 'chat', '--admin', server.address);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^service chat: the weights stay: .+; weights are unequal and stand for /);
    expect(out).toContain('load reports fresh from 2 sidecars');
    for (const port of [1, 2, 3]) {
      expect(out).toMatch(new RegExp(`^gpu/10\\.0\\.0\\.${port}:8000 +\\d+`, 'm'));
      expect(out).toMatch(new RegExp(`^10\\.0\\.0\\.${port}:8000 \\w`, 'm'));
    }
  });

  it('says in Shadow what would be sent, how even the load would be, and who would move', async () => {
    const { text } = explained('{ weights: Shadow }', [30, 30, 4]);
    await expect(text).toMatchFileSnapshot('golden/explain-shadow.txt');
  });

  it('says why nobody would move although targets differ', () => {
    const { view } = explained('{ weights: Shadow }', [30, 30, 4]);
    const words = (counterfactual: ExplainView['counterfactual'], shadowWeight: number): string =>
      explainText({
        ...view,
        counterfactual,
        endpoints: view.endpoints.map((one, i) => ({ ...one, shadowWeight: i === 0 ? 1000 : shadowWeight })),
      });
    const same = { imbalance: 1.5, moves: [] };
    expect(words(same, 1000)).toContain(
      'the computed weights are equal: what differs is noise, or levelled by least_request',
    );
    expect(words(same, 951)).toContain('with the computed weights about 1.50: hardly a request would move');
    expect(words(null, 951)).not.toContain('computed weights');
  });

  it('says of each term what it does, and why GPU utilisation counts or does not', () => {
    const { view } = explained('{ weights: Active, blendRatio: 0.25 }', [30, 30, 4]);
    const [first] = view.endpoints as [EndpointExplanation];
    const words = (belief: Partial<BeliefView>, terms: Partial<Terms> = {}, over: Partial<EndpointExplanation> = {}) =>
      Object.fromEntries(
        termLines({ ...first, ...over, belief: { ...first.belief!, ...belief }, terms: { ...first.terms!, ...terms } }),
      );
    const util = { gate: 'Open', gpuUtilRatio: 0.63, freshness: 'Absent' } as const;
    expect(words(util).gpu).toBe('utilisation 63 %, gate open: it follows the load and counts');
    expect(words({ ...util, freshness: 'Fresh' }).gpu).toBe('utilisation 63 %; not needed while its engine is heard');
    expect(words({ ...util, gate: 'Closed' }).gpu).toBe(
      'utilisation 63 %, gate closed: it has not been seen to follow the load',
    );
    const shared = { ...util, gate: 'Closed', notes: ['its GPU is shared or partitioned'] } as const;
    expect(words(shared).gpu).toBe('utilisation 63 %, gate closed: see below');
    expect(words({ errorRatio: 0.5, bad: true }, { health: Math.log(0.05) }).health).toBe(
      '50 % of its answers are errors, it counts as bad: takes 95 % off',
    );
    expect(words({ waitingForFirst: true }, { ramp: Math.log(0.1) }).ramp).toBe(
      'has yet to complete a first request: takes 90 % off',
    );
    expect(words({ rampAgeSec: 12 }, { ramp: Math.log(0.4) }).ramp).toBe('warms up since 12 s: takes 60 % off');
    expect(words({ foreign: 3 }, { foreign: Math.log(0.8) }).foreign).toBe(
      '3.0 requests came past the sidecars: takes 20 % off',
    );
    expect(words({ inFlight: 6 }, { inFlight: Math.log(1.1) }).pressure).toBe(
      '6.0 requests on 64 slots (its batch limit is unknown): adds 10 %',
    );
    const moved = words({}, {}, { previousWeight: 900, weight: 700, shadowWeight: 400, clamps: ['StepDown'] });
    expect(moved.weight).toBe('900 -> 700; computed, not sent: 400');
    expect(moved.limit).toBe('a weight halves in a second at most');
  });

  it('gives a large fleet a sentence each, and says how to ask for more', () => {
    const { text } = explained('{ weights: Active }', Array(20).fill(30));
    expect(text.match(/ aims at /g)).toHaveLength(20);
    expect(text).not.toContain('    ramp');
    expect(text).toContain('for the terms of one: loadline explain chat/POOL/ADDRESS:PORT\n');
  });

  it('narrows by SERVICE/POOL/ENDPOINT', async () => {
    const { out } = await run('explain', 'chat/gpu/10.0.0.2:8000', '--admin', server.address, '--output', 'json');
    expect((JSON.parse(out) as { endpoints: { id: string }[] }).endpoints.map(({ id }) => id)).toEqual([
      'chat/gpu/10.0.0.2:8000',
    ]);
  });

  it.each([
    ['caht', 'error: no service "caht"; known: chat\n'],
    ['chat/cpu', 'error: no pool "cpu"; known: gpu\n'],
    ['chat//10.0.0.2:8000', 'error: an endpoint needs the name of its pool\n'],
    ['', 'error: no service ""; known: chat\n'],
  ])('of %j fails in words', async (target, words) => {
    expect(await run('explain', target, '--admin', server.address)).toEqual({ code: 1, out: '', err: words });
  });

  it('shows what is not known as such', () => {
    const view = buildExplainView({ ...INPUT, loads: {} }, { service: 'chat' });
    if (!view.ok) expect.fail('not found');
    const text = explainText({
      ...view.value,
      endpoints: view.value.endpoints.map((one) => ({ ...one, terms: null })),
    });
    expect(text).toContain('a request takes - s; - in flight per endpoint and sidecar');
    expect(text).not.toMatch(/NaN|undefined|null/);
  });
});

/** What `explain` says about a fleet of such speeds after 45 s. */
function explained(loadBalancer: string, speeds: readonly number[]): { view: ExplainView; text: string } {
  const policy = fleetPolicy({ servers: speeds.length, lines: `  loadBalancer: ${loadBalancer}\n` });
  const fleet = new Fleet(policy, speeds);
  const plan = fleet.run(45);
  const load = fleet.loads.chat!;
  const decision = plan.decisions.chat!;
  const shares = issuedShares(fleet.state.issued.chat!);
  const result = buildExplainView(
    {
      ...viewInput(0, { plan, loads: fleet.loads, issuedShares: shares, nowMs: fleet.nowMs }),
      evenness: () => ({
        imbalance: imbalanceOf(load, decision),
        counterfactual: counterfactualOf(load, decision, shares, true),
      }),
    },
    { service: 'chat' },
  );
  if (!result.ok) expect.fail(result.issues.map(({ message }) => message).join());
  return { view: result.value, text: explainText(result.value) };
}

describe('proxy-config', () => {
  it('says that no sidecar is connected', async () => {
    expect(await run('proxy-config', 'a', '--admin', server.address)).toEqual({
      code: 1,
      out: '',
      err: 'error: no sidecar "a" is connected; none is\n',
    });
  });
});

describe('without a server', () => {
  it.each([
    ['status'],
    ['explain', 'chat'],
    ['proxy-config', 'a'],
  ])('%s says that nothing listens, and where', async (...argv) => {
    const address = `127.0.0.1:${await freePort()}`;
    expect(await run(...argv, '--admin', address)).toEqual({
      code: 1,
      out: '',
      err: `error: nothing listens on ${address}: is \`loadline serve\` running? use --admin to name another address\n`,
    });
  });

  it('an address that is none is a mistake of usage', async () => {
    const { code, out, err } = await run('status', '--admin', '18001');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toBe(
      'error: admin address "18001": expected HOST:PORT, [IPV6]:PORT or unix:PATH (write 127.0.0.1:18001)\n',
    );
  });
});
