import { describe, expect, it } from 'vitest';
import { DryRuns } from '../../src/app/dry-run.ts';
import { PolicyLoads } from '../../src/app/policy-loads.ts';
import type { ControlState } from '../../src/core/control/index.ts';
import type { ConnectedNode, ValidateMode } from '../../src/core/dry-run/index.ts';
import type { Operation } from '../../src/core/operations/index.ts';
import { loadPolicy, type PolicyVersion } from '../../src/core/policy/index.ts';
import type { AtHand, Judgement } from '../../src/edge/envoy/index.ts';
import { Fleet } from '../core/control/fleet.ts';
import { labPolicy } from '../support/lab-policy.ts';

const POLICY = labPolicy([{ port: 9101 }, { port: 9102 }, { port: 9103 }]);

function version(text: string): PolicyVersion {
  const files = [{ name: 'lab.yaml', text }];
  const read = loadPolicy(files);
  if (!read.ok) throw new Error(JSON.stringify(read.issues));
  return { policy: read.value, files };
}

/** A state that has learned that its third server is slow. */
function learned(): ControlState {
  const fleet = new Fleet(version(POLICY).policy, [30, 30, 4]);
  fleet.run(45);
  return frozen(JSON.parse(JSON.stringify(fleet.state)) as ControlState);
}

/** Whoever writes to it throws. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) frozen(member);
    Object.freeze(value);
  }
  return value;
}

const NODES: readonly ConnectedNode[] = [
  { id: 'a', key: { group: 'lab', release: '1.40', listenerOverrides: {} } },
  { id: 'b', key: { group: 'lab', release: '1.40', listenerOverrides: {} } },
  { id: 'old', key: { group: 'lab', release: '1.36', listenerOverrides: { models: '127.0.0.1:15011' } } },
];

const AT_HAND: AtHand = {
  envoys: [
    { binary: '/envoys/1.36.4', version: '1.36.4' },
    { binary: '/envoys/1.40.0', version: '1.40.0' },
  ],
  unusable: [],
};

function dryRuns(
  over: {
    readonly mode?: ValidateMode;
    readonly atHand?: AtHand;
    readonly says?: (version: string, bootstrap: string) => Judgement;
    readonly nodes?: readonly ConnectedNode[];
    readonly state?: ControlState;
    readonly operations?: readonly Operation[];
  } = {},
): DryRuns {
  const { mode = 'Prefer', atHand = AT_HAND, nodes = NODES } = over;
  const state = over.state ?? learned();
  const says = over.says ?? ((): Judgement => ({ outcome: 'Accepted', cached: false }));
  return new DryRuns({
    mode,
    atHand: { look: async () => atHand },
    judge: { judge: async ({ version: asked }, bootstrap) => says(asked, JSON.stringify(bootstrap)) },
    state: () => state,
    operations: () => over.operations ?? [],
    diff: (before, after) => new PolicyLoads().diff(before, after),
    connected: () => nodes,
    now: () => state.atMs + 300,
  });
}

describe('a dry run', () => {
  it('of the same policy says that nothing would be sent', async () => {
    const report = await dryRuns().report(version(POLICY), version(`# another text\n${POLICY}`));
    expect(report).toMatchObject({
      policy: { items: [], more: 0 },
      snapshots: { items: [], more: 0 },
      pushes: [],
      weights: { items: [], more: 0 },
      shrink: { endpoints: { before: 3, after: 3, removed: 0 }, clusters: { before: 1, after: 1, removed: 0 } },
      verdict: { outcome: 'Accepted', publishable: true, reason: '' },
    });
    expect(report.from).toBe(report.to);
  });

  it('tells a changed cluster, who is sent it, field by field, and that its state would be lost', async () => {
    const after = version(POLICY.replace('hostnames: ["*"]', 'hostnames: ["*"]\n  outlierDetection: { interval: 9s }'));
    const report = await dryRuns().report(version(POLICY), after);
    expect(report.policy.items).toMatchObject([
      { change: 'Changed', path: 'spec.outlierDetection.interval', before: '5s', after: '9s', position: { line: 14 } },
    ]);
    expect(report.snapshots.items).toMatchObject([
      {
        receivers: [
          { group: 'lab', release: '1.36', nodeCount: 1, ownListeners: ['models'] },
          { group: 'lab', release: '1.40', nodeCount: 2, nodes: ['a', 'b'] },
        ],
        resources: {
          items: [
            {
              change: 'Changed',
              type: 'cds',
              name: 'chat',
              position: { file: 'lab.yaml', line: 9 },
              fields: { items: [{ path: 'outlier_detection.interval', before: '5s', after: '9s' }], more: 0 },
            },
          ],
        },
      },
    ]);
    expect(report.pushes).toMatchObject([
      { type: 'cds', change: 'Changed', effect: 'Disruptive', nodeCount: 3, resources: { items: ['chat'] } },
    ]);
    expect(report.pushes[0]?.cost).toContain('its connection pools, ejections and health are lost');
    expect(report.weights.items).toEqual([]);
  });

  it('tells weights before and after from what was learned, and what an endpoint that goes leaves behind', async () => {
    const equal = version(
      POLICY.replace('hostnames: ["*"]', 'hostnames: ["*"]\n  loadBalancer: { weights: Disabled }'),
    );
    const report = await dryRuns().report(version(POLICY), equal);
    const slow = report.weights.items.find(({ endpoint }) => endpoint.endsWith(':9103'));
    expect(slow?.before?.share).toBeLessThan(0.2);
    expect(slow?.after?.share).toBeCloseTo(1 / 3, 5);
    expect(report.pushes).toMatchObject([{ type: 'eds', change: 'Changed', effect: 'None', nodeCount: 3 }]);

    const fewer = version(labPolicy([{ port: 9101 }, { port: 9103 }]));
    const removal = await dryRuns().report(version(POLICY), fewer);
    expect(removal.weights.items[0]).toMatchObject({ service: 'chat', endpoint: 'chat/gpu/127.0.0.1:9102' });
    expect(removal.weights.items[0]?.after).toBeUndefined();
    expect(removal.shrink).toMatchObject({ endpoints: { before: 3, after: 2, removed: 1 }, removedRatio: 1 / 3 });
  });

  it('leaves in force what operators do: drained endpoints stay drained under either policy', async () => {
    const state = learned();
    const drain: Operation = {
      kind: 'Drain',
      id: 'drain-1',
      service: 'chat',
      pool: 'gpu',
      endpoint: '127.0.0.1:9101',
      reason: 'a fan is loud',
      author: 'alice',
      startedAtMs: state.atMs,
      forced: false,
      endsAtMs: state.atMs + 3_600_000,
    };
    const report = await dryRuns({ state, operations: [drain] }).report(version(POLICY), version(POLICY));
    expect(report.snapshots.items).toEqual([]);
    expect(report.weights.items).toEqual([]);
    const fewer = await dryRuns({ state, operations: [drain] }).report(
      version(POLICY),
      version(labPolicy([{ port: 9101 }, { port: 9102 }])),
    );
    const left = fewer.weights.items.find(({ endpoint }) => endpoint.endsWith(':9102'));
    expect(left?.after?.share).toBeCloseTo(1, 5);
  });

  it('tells a group that nobody is connected of, and a first policy', async () => {
    const report = await dryRuns({ nodes: [] }).report(undefined, version(POLICY));
    expect(report.from).toBe('');
    expect(report.snapshots.items[0]?.receivers).toMatchObject([{ group: 'lab', release: '1.40', nodeCount: 0 }]);
    expect(new Set(report.snapshots.items[0]?.resources.items.map(({ change }) => change))).toEqual(new Set(['Added']));
    expect(report.shrink.removedRatio).toBe(0);
  });

  it('asks the oldest and the newest Envoy that are connected, and gives back what they say with its line', async () => {
    const asked: string[] = [];
    const says = (envoy: string): Judgement => {
      asked.push(envoy);
      return envoy === '1.36.4'
        ? { outcome: 'Refused', cached: false, message: "route: unknown cluster 'chat'" }
        : { outcome: 'Accepted', cached: true };
    };
    const { verdict } = await dryRuns({ says }).report(version(POLICY), version(POLICY));
    expect(asked).toEqual(['1.36.4', '1.40.0']);
    expect(verdict).toMatchObject({
      outcome: 'Refused',
      publishable: false,
      checks: [
        {
          group: 'lab',
          release: '1.36',
          envoy: '1.36.4',
          outcome: 'Refused',
          problems: [{ resource: { type: 'cds', name: 'chat' }, position: { file: 'lab.yaml', line: 9, column: 1 } }],
        },
        { release: '1.40', envoy: '1.40.0', outcome: 'Accepted', cached: true, problems: [] },
      ],
    });
  });

  it('asks about parts where Envoy does not say what it is about', async () => {
    const says = (_envoy: string, bootstrap: string): Judgement =>
      bootstrap.includes('"address":"127.0.0.1","port_value":9102')
        ? { outcome: 'Refused', cached: false, message: 'no' }
        : { outcome: 'Accepted', cached: false };
    const { checks } = await dryRuns({ says }).verdict(version(POLICY));
    expect(checks[0]?.problems).toEqual([
      { message: 'no', resource: { type: 'cds', name: 'chat' }, position: { file: 'lab.yaml', line: 9, column: 1 } },
    ]);
  });

  it.each([
    ['Prefer', true],
    ['Require', false],
    ['Disabled', true],
  ] as const)('with no Envoy at hand, %s lets it be published: %s', async (mode, publishable) => {
    const unusable = ['/usr/bin/envoy: is not executable'];
    const runs = dryRuns({ mode, atHand: { envoys: [], unusable } });
    const verdict = await runs.verdict(version(POLICY));
    expect(verdict).toMatchObject({ mode, outcome: 'NotAsked', publishable, checks: [] });
    expect(verdict.reason).toMatch(mode === 'Disabled' ? /Disabled/ : /no Envoy is at hand.*not executable/);
  });

  it.each([
    ['Prefer', true],
    ['Require', false],
  ] as const)('when Envoy does not answer, %s lets it be published: %s', async (mode, publishable) => {
    const says = (): Judgement => ({ outcome: 'NoAnswer', cached: false, message: 'no answer in 20000 ms' });
    const verdict = await dryRuns({ mode, says }).verdict(version(POLICY));
    expect(verdict).toMatchObject({
      outcome: 'NotAsked',
      publishable,
      reason: 'no answer in 20000 ms; no answer in 20000 ms',
    });
  });

  it('is a report all the same for what cannot even be compiled', async () => {
    const { policy, files } = version(POLICY);
    const [service] = policy.services;
    const bad = { ...service, circuitBreakers: { ...service?.circuitBreakers, maxRequests: -1 } };
    const broken = { files, policy: { ...policy, services: [bad] } as typeof policy };
    const report = await dryRuns().report(version(POLICY), broken);
    expect(report.snapshots.items).toEqual([]);
    expect(report.verdict).toMatchObject({ outcome: 'Refused', publishable: false });
    expect(report.verdict.checks[0]?.problems[0]?.message).toContain('max_requests = -1');
  });

  it('refuses what breaks a rule that this build knows, with nobody to ask', async () => {
    const { policy, files } = version(POLICY);
    const [service] = policy.services;
    const bad = { ...service, timeouts: { ...service?.timeouts, connectMs: 0 } };
    const broken = { files, policy: { ...policy, services: [bad] } as typeof policy };
    const verdict = await dryRuns({ atHand: { envoys: [], unusable: [] } }).verdict(broken);
    expect(verdict).toMatchObject({ outcome: 'Refused', publishable: false });
    expect(verdict.checks[0]).toMatchObject({
      problems: [{ resource: { type: 'cds', name: 'chat' }, position: { line: 9 } }],
    });
  });
});
