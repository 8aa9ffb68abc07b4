import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INITIAL_OVERLOAD, type OverloadState } from '../../../src/core/overload/overload-state.ts';
import { METRICS, type MetricName, Metrics, type ServerView, XDS_TYPES } from '../../../src/edge/observe/index.ts';
import { LabelLimit, OTHER_LABEL } from '../../../src/edge/observe/label-limit.ts';
import { serverView, viewInput, withSpot } from './a-view.ts';

const NAMES = Object.keys(METRICS) as MetricName[];

type Line = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number };
type Page = { readonly help: ReadonlyMap<string, string>; readonly type: ReadonlyMap<string, string>; lines: Line[] };

/** The text format, read by its rules: escapes in label values, HELP and TYPE before the samples. */
function read(text: string): Page {
  const page: Page = { help: new Map(), type: new Map(), lines: [] };
  for (const line of text.split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment !== null) {
      const map = (comment[1] === 'HELP' ? page.help : page.type) as Map<string, string>;
      expect(map.has(comment[2] as string), line).toBe(false);
      map.set(comment[2] as string, comment[3] as string);
      continue;
    }
    if (line === '') continue;
    const sample = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (sample === null) expect.fail(`not a sample: ${line}`);
    const labels: Record<string, string> = {};
    for (const [, name, value] of (sample[2] ?? '').matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)",?/g)) {
      labels[name as string] = (value as string).replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    }
    page.lines.push({ name: sample[1] as string, labels, value: Number(sample[3]) });
  }
  return page;
}

/** The metric that a line belongs to: a histogram has lines by three names. */
function metricOf({ name }: Line): string {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return base in METRICS && METRICS[base as MetricName].kind === 'histogram' ? base : name;
}

function metrics(view?: () => ServerView | undefined, maxEndpointSeries?: number): Metrics {
  return new Metrics({
    version: '1.2.3',
    view: view ?? (() => undefined),
    eventLoopLag: { read: () => ({ p50Ms: 1, p99Ms: 2, maxMs: 3 }), stop: () => {} },
    processMetrics: false,
    ...(maxEndpointSeries === undefined ? {} : { maxEndpointSeries }),
  });
}

/** Everything that can be told to the metrics, told once. */
function tellAll(all: Metrics): void {
  all.pushed('eds', 'lab', 2);
  all.acked('eds', 5);
  all.nacked('cds', 7);
  all.refused('Limit');
  all.gaveUp('rds');
  all.streams('ads', 3);
  all.loadReport();
  all.envoyAdminAsked('answered');
  all.ticked(4);
  all.scraped('engine');
  all.scraped('gpu', 'Timeout');
  all.signalRefusals(2);
  all.shifted({ cause: 'Load', decidedMs: 1000, ackedMs: 1040, t50Ms: 2000, t90Ms: 4000, beyondRatio: 0.2 });
  all.loops([{ service: 'chat', damping: 0.5, delaySec: { reports: 0.6, ack: 0.02, picks: undefined } }]);
  all.herded('chat');
  all.rolloutEnded('Policy', 'returned');
  all.rolloutCanaries(new Map([['lab', 1]]));
  all.policyLoaded('accepted');
}

const ages = (ids: readonly string[]) =>
  Object.fromEntries(ids.map((id) => [id, { engine: 900, gpu: 1500, reports: 400 }]));

function richView(): ServerView {
  const ids = ['chat/gpu/10.0.0.1:8000', 'chat/gpu/10.0.0.2:8000', 'chat/gpu/10.0.0.3:8000'];
  const view = serverView(30, {
    ...withSpot(viewInput(30)),
    signalAgesMs: ages(ids),
    signals: Object.fromEntries(ids.map((id) => [id, [{ signal: 'gpu', state: 'Conflict' as const, why: 'x' }]])),
    issuedShares: Object.fromEntries(ids.map((id) => [id, 1 / 3])),
    overload: {
      chat: {
        ...INITIAL_OVERLOAD,
        saturation: 1.04,
        level: 2,
        rungs: 2,
        percents: { P3: 35 },
        degrades: { P1: { toPool: 'small', percent: 5 } },
      },
    },
    tls: {
      certificates: [{ role: 'server', file: 'server.crt', expiresAtMs: 1_800_000_000_500, state: 'Valid' }],
      problems: [],
    },
  });
  const tiers = [
    { pools: ['gpu'], firstTokenP95Sec: 3.4, firstTokens: 160 },
    { pools: ['spare'], firstTokenP95Sec: null, firstTokens: 3 },
  ];
  const failover = { phase: 'Away' as const, percent: 35, reason: 'x', tiers };
  const warmth = { warm: 2, cold: 1, unknown: 0, reason: 'x' };
  const kept = view.services.map((one) => ({ ...one, pools: one.pools.map((pool) => ({ ...pool, warmth })) }));
  const zones = {
    plannedLocalRatio: 0.75,
    measuredLocalRatio: 0.7,
    zones: [{ zone: 'a', demandRatio: 0.75, capacityRatio: 0.5, localRatio: 2 / 3 }],
  };
  return { ...view, services: kept.map((one) => ({ ...one, failover, zones })) };
}

async function page(of: Metrics): Promise<Page> {
  return read(await of.text());
}

describe('the catalogue of metrics', () => {
  it('is what is exposed: every metric with its help and type, and no other', async () => {
    const { help, type, lines } = await page(metrics());
    expect([...type.keys()].sort()).toEqual([...NAMES].sort());
    for (const name of NAMES) {
      expect(help.get(name), name).toBe(METRICS[name].help);
      expect(type.get(name), name).toBe(METRICS[name].kind);
    }
    expect(lines.map(metricOf).filter((name) => !(name in METRICS))).toEqual([]);
  });

  it('says what goes to the next tier, and how slow those tiers are of which enough is known', async () => {
    const text = await metrics(richView).text();
    expect(text.split('\n').filter((line) => /^loadline_(failover|first_token)/.test(line))).toEqual([
      'loadline_failover_ratio{service="chat"} 0.35',
      'loadline_first_token_seconds{service="chat",tier="1",quantile="0.95"} 3.4',
    ]);
  });

  it('says how many servers of a pool that is kept warm are so', async () => {
    const text = await metrics(richView).text();
    expect(text.split('\n').filter((line) => /^loadline_warm_endpoints.*"gpu"/.test(line))).toEqual([
      'loadline_warm_endpoints{service="chat",pool="gpu",state="Warm"} 2',
      'loadline_warm_endpoints{service="chat",pool="gpu",state="Cold"} 1',
      'loadline_warm_endpoints{service="chat",pool="gpu",state="Unknown"} 0',
    ]);
  });

  it('says what is to stay in its zone, and what stayed, and who sends and takes it', async () => {
    const text = await metrics(richView).text();
    expect(text.split('\n').filter((line) => line.startsWith('loadline_zone_'))).toEqual([
      'loadline_zone_local_ratio{service="chat",kind="planned"} 0.75',
      'loadline_zone_local_ratio{service="chat",kind="measured"} 0.7',
      'loadline_zone_demand_ratio{service="chat",zone="a"} 0.75',
      'loadline_zone_capacity_ratio{service="chat",zone="a"} 0.5',
    ]);
  });

  it('has no metric that nothing feeds', async () => {
    const all = metrics(richView);
    tellAll(all);
    const fed = new Set((await page(all)).lines.map(metricOf));
    expect(NAMES.filter((name) => !fed.has(name))).toEqual([]);
  });

  it('gives every series exactly the labels that it says', async () => {
    const all = metrics(richView);
    tellAll(all);
    for (const line of (await page(all)).lines) {
      const { labels } = METRICS[metricOf(line) as MetricName];
      const found = Object.keys(line.labels).filter((label) => label !== 'le');
      expect(found.sort(), line.name).toEqual([...labels].sort());
    }
  });

  it('names as Prometheus asks: prefix, base units, _total on counters alone, buckets that rise', () => {
    for (const name of NAMES) {
      const { kind, help, buckets } = METRICS[name];
      expect(name).toMatch(/^loadline_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith('_total'), name).toBe(kind === 'counter');
      expect(name, 'milliseconds').not.toMatch(/_(ms|millis|milliseconds)(_|$)/);
      expect(help, name).toMatch(/^[A-Z].*\.$/);
      expect(buckets !== undefined, name).toBe(kind === 'histogram');
      expect([...(buckets ?? [])].sort((a, b) => a - b)).toEqual(buckets ?? []);
    }
  });
});

describe('what is told to the metrics', () => {
  async function value(of: Metrics, name: string, labels: Readonly<Record<string, string>> = {}) {
    const { lines } = await page(of);
    const found = lines.filter(
      (line) => line.name === name && Object.entries(labels).every(([label, text]) => line.labels[label] === text),
    );
    return found.reduce<number | undefined>((sum, line) => (sum ?? 0) + line.value, undefined);
  }

  it('comes out in base units', async () => {
    const all = metrics();
    tellAll(all);
    expect(await value(all, 'loadline_xds_ack_latency_seconds_sum', { type: 'eds' })).toBe(0.005);
    expect(await value(all, 'loadline_tick_duration_seconds_sum')).toBe(0.004);
    expect(await value(all, 'loadline_event_loop_lag_seconds', { stat: 'max' })).toBe(0.003);
    expect(await value(all, 'loadline_xds_resources_sent_total', { type: 'eds' })).toBe(2);
    expect(await value(all, 'loadline_signal_refusals_total')).toBe(2);
    expect(await value(all, 'loadline_build_info', { version: '1.2.3' })).toBe(1);
  });

  it('counts a NACK as an answer too, and a failed scrape as a scrape', async () => {
    const all = metrics();
    tellAll(all);
    expect(await value(all, 'loadline_xds_nacks_total', { type: 'cds' })).toBe(1);
    expect(await value(all, 'loadline_xds_ack_latency_seconds_count', { type: 'cds' })).toBe(1);
    expect(await value(all, 'loadline_signal_scrapes_total')).toBe(2);
    expect(await value(all, 'loadline_signal_errors_total', { kind: 'gpu', reason: 'Timeout' })).toBe(1);
  });

  it('starts counters without labels at 0, so that a rate exists from the first event on', async () => {
    for (const name of NAMES.filter((one) => METRICS[one].kind === 'counter' && METRICS[one].labels.length === 0)) {
      expect(await value(metrics(), name), name).toBe(0);
    }
  });

  it('starts counters whose labels have fixed values at 0 for each of them', async () => {
    const fixed = NAMES.filter((one) => METRICS[one].values !== undefined);
    expect(fixed).toContain('loadline_xds_nacks_total');
    const { lines } = await page(metrics());
    for (const name of fixed) {
      const { labels, values = {} } = METRICS[name];
      expect(
        labels.filter((label) => values[label] === undefined),
        name,
      ).toEqual([]);
      const series = lines.filter((line) => line.name === name);
      expect(
        series.map(({ value }) => value),
        name,
      ).toEqual(series.map(() => 0));
      expect(series, name).toHaveLength(labels.reduce((product, label) => product * (values[label]?.length ?? 0), 1));
    }
  });

  it('and counts on from there, in the same series', async () => {
    const all = metrics();
    tellAll(all);
    await page(all);
    tellAll(all);
    const { lines } = await page(all);
    const of = (name: string) =>
      lines.filter((line) => line.name === name && line.value > 0).map(({ labels, value }) => ({ ...labels, value }));
    expect(of('loadline_xds_resources_sent_total')).toEqual([{ type: 'eds', value: 4 }]);
    expect(of('loadline_xds_pushes_total')).toEqual([{ type: 'eds', group: 'lab', value: 2 }]);
    expect(of('loadline_xds_refused_total')).toEqual([{ reason: 'Limit', value: 2 }]);
    expect(of('loadline_xds_waits_given_up_total')).toEqual([{ type: 'rds', value: 2 }]);
    expect(lines.filter(({ name }) => name === 'loadline_xds_resources_sent_total')).toHaveLength(XDS_TYPES.length);
  });

  it('keeps the groups of nodes to a hundred, the rest under one name', async () => {
    const all = metrics();
    for (let i = 0; i < 150; i++) for (let again = 0; again < 2; again++) all.pushed('eds', `group-${i}`, 1);
    const { lines } = await page(all);
    const series = lines.filter(({ name }) => name === 'loadline_xds_pushes_total');
    expect(series).toHaveLength(101);
    expect(series.find(({ labels }) => labels.group === OTHER_LABEL)?.value).toBe(100);
    expect(series.find(({ labels }) => labels.group === 'group-7')?.value).toBe(2);
  });

  it('escapes what a node may call its group', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), async (group) => {
        const all = metrics();
        all.pushed('eds', group, 1);
        const text = group.replaceAll('\r', '');
        fc.pre(text === group);
        expect(await value(all, 'loadline_xds_pushes_total', { group })).toBe(1);
      }),
      { numRuns: 50 },
    );
  });
});

describe('series about endpoints', () => {
  const of = (name: string) => (line: Line) => line.name === name;

  it('say what the view says, ages in seconds and by kind of signal', async () => {
    const view = richView();
    const { lines } = await page(metrics(() => view));
    const endpoints = view.services.flatMap(({ pools }) => pools.flatMap((pool) => pool.endpoints));
    const weights = lines.filter(of('loadline_endpoint_weight'));
    expect(weights.map((line) => line.value)).toEqual(endpoints.map(({ weight }) => weight));
    expect(weights[2]?.labels).toEqual({ service: 'chat', pool: 'gpu', endpoint: '10.0.0.3:8000' });
    const age = lines
      .filter(of('loadline_sample_age_seconds'))
      .filter(({ labels }) => labels.endpoint === '10.0.0.1:8000');
    expect(Object.fromEntries(age.map(({ labels, value }) => [labels.kind, value]))).toEqual({
      newest: (endpoints[0]?.ageMs as number) / 1000,
      engine: 0.9,
      gpu: 1.5,
      reports: 0.4,
    });
  });

  it('go with their endpoint, and are left out where nothing is known', async () => {
    let view: ServerView | undefined = richView();
    const all = metrics(() => view);
    expect((await page(all)).lines.filter(of('loadline_endpoint_issued_share'))).toHaveLength(3);
    view = serverView(1);
    const unknown = (await page(all)).lines;
    expect(unknown.filter(of('loadline_endpoint_issued_share'))).toEqual([]);
    expect(unknown.filter(of('loadline_endpoint_weight'))).toHaveLength(3);
    view = { ...view, services: [] };
    const none = (await page(all)).lines;
    expect(none.filter(({ labels }) => labels.endpoint !== undefined)).toEqual([]);
    expect(none.filter(of('loadline_decision_age_seconds'))).toEqual([]);
  });

  it('stop at the cap with whole endpoints, and say how many are left out', async () => {
    const view = richView();
    // Five gauges, and four ages: nine series for each of the three.
    const { lines } = await page(metrics(() => view, 20));
    expect(lines.filter(({ labels }) => labels.endpoint !== undefined)).toHaveLength(18);
    expect(lines.find(of('loadline_endpoints_without_series'))?.value).toBe(1);
  });
});

describe('a label limit', () => {
  it('admits the first values for good and counts the others as one', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.integer({ min: 1, max: 5 }), (values, max) => {
        const limit = new LabelLimit(max);
        const first = [...new Set(values)].slice(0, max);
        for (const value of values) expect(limit.admit(value)).toBe(first.includes(value) ? value : OTHER_LABEL);
      }),
    );
  });
});

describe('the series of overload', () => {
  const overloadLines = async (overload: Partial<OverloadState>) => {
    const all = metrics(() => serverView(1, { overload: { chat: { ...INITIAL_OVERLOAD, ...overload } } }));
    return (await page(all)).lines.flatMap(({ name, labels, value }) =>
      /^loadline_(saturation|overload_level|shed_ratio|degraded_ratio)$/.test(name) ? [[name, labels, value]] : [],
    );
  };

  it('are saturation, level, and what is given up of each class', async () => {
    const percents = { P3: 100, P2: 35 };
    const degrades = { P1: { toPool: 'standby', percent: 40 } };
    expect(await overloadLines({ saturation: 1.04, level: 2, rungs: 3, percents, degrades })).toEqual([
      ['loadline_saturation', { service: 'chat' }, 1.04],
      ['loadline_overload_level', { service: 'chat' }, 2],
      ['loadline_shed_ratio', { service: 'chat', class: 'P3' }, 1],
      ['loadline_shed_ratio', { service: 'chat', class: 'P2' }, 0.35],
      ['loadline_degraded_ratio', { service: 'chat', class: 'P1', pool: 'standby' }, 0.4],
    ]);
  });

  it('are also how full it would be without its Spot pools, which are those that it has', async () => {
    const overload = { chat: { ...INITIAL_OVERLOAD } };
    const view = serverView(30, { ...withSpot(viewInput(30)), overload });
    const { lines } = await page(metrics(() => view));
    const reserve = lines.filter(({ name }) => name === 'loadline_saturation_without_spot');
    const inFlight =
      view.services[0]?.pools.flatMap(({ endpoints }) => endpoints.map((one) => one.inFlight ?? 0)) ?? [];
    const sum = inFlight.reduce((total, one) => total + one, 0);
    expect(sum).toBeGreaterThan(1);
    expect(reserve).toEqual([
      { name: 'loadline_saturation_without_spot', labels: { service: 'chat' }, value: expect.closeTo(sum / 48, 6) },
    ]);
    const without = await page(metrics(() => serverView(30, { overload })));
    expect(without.lines.filter(({ name }) => name === 'loadline_saturation_without_spot')).toEqual([]);
  });

  it('are none where the saturation is unknown and there is no ladder', async () => {
    expect(await overloadLines({ saturation: null })).toEqual([]);
    expect(await overloadLines({ saturation: 0, rungs: 1 })).toEqual([
      ['loadline_saturation', { service: 'chat' }, 0],
      ['loadline_overload_level', { service: 'chat' }, 0],
    ]);
  });
});
