import { Compiler, INITIAL_STATE, tick } from '../src/core/control/index.ts';
import type { EndpointSet, LoadReport, NodePresence, Sample } from '../src/core/topology/index.ts';
import { staticEndpointSets } from '../src/edge/discovery/index.ts';
import type { Row } from './main.ts';
import { cpuMs, median } from './median.ts';
import { policyOf } from './policy-of.ts';

/** A server ticks for months: what it costs while its code is still being compiled is of no interest. */
const WARM_UP_ROUNDS = 100;
const ROUNDS = 160;
/** One tick of a thousand endpoints, in milliseconds of CPU: a hundredth of its second. */
const MOST_MS = 10;

/** One tick of 1,000 endpoints: engine and GPU samples and the reports of 16 sidecars in, resources out. */
export async function tickCost(): Promise<readonly Row[]> {
  return [...(await costOf(1, 1000, 1)), ...(await costOf(1, 1000, 16)), ...(await costOf(50, 20, 16))];
}

async function costOf(services: number, endpointsEach: number, sidecars: number): Promise<readonly Row[]> {
  const policy = policyOf(endpointsEach, services);
  const endpointSets = staticEndpointSets(policy);
  const compiler = new Compiler();
  const key = { group: 'lab', release: '1.40', listenerOverrides: {} };
  let state = INITIAL_STATE;
  let nowMs = 1_700_000_000_000;
  const ticks: number[] = [];
  const compiles: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    nowMs += 1000;
    const samples = samplesOf(endpointSets, round, nowMs);
    const reports = reportsOf(endpointSets, sidecars, round, nowMs);
    const presence = round === 0 ? reports.map(({ nodeId }) => connected(nodeId, nowMs)) : [];
    let out: ReturnType<typeof tick> | undefined;
    const ticked = await cpuMs(() => {
      out = tick(state, { nowMs, policy, endpointSets, samples, reports, presence });
    });
    const { plan, state: next } = out as ReturnType<typeof tick>;
    const compiled = await cpuMs(() => {
      compiler.snapshot(plan, key);
    });
    state = next;
    if (round >= WARM_UP_ROUNDS) {
      ticks.push(ticked);
      compiles.push(compiled);
    }
  }
  const shape = services === 1 ? `${endpointsEach} endpoints` : `${services} services of ${endpointsEach} endpoints`;
  const middle = median(ticks);
  return [
    {
      what: `tick, ${shape}, ${sidecars === 1 ? '1 sidecar' : `${sidecars} sidecars`}: decide`,
      value: `${middle.toFixed(1)} ms`,
      note: `CPU, garbage collection included, median of 60, mean ${mean(ticks).toFixed(1)}, the fastest ${Math.min(...ticks).toFixed(1)}: samples and reports to Plan`,
      bar: { most: `${MOST_MS} ms`, met: middle <= MOST_MS },
    },
    {
      what: `tick, ${shape}: compile`,
      value: `${median(compiles).toFixed(2)} ms`,
      note: 'CPU, median of 60: Plan to resources, rule check included',
    },
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function samplesOf(sets: readonly EndpointSet[], round: number, nowMs: number): readonly Sample[] {
  return sets
    .flatMap(({ endpoints }) => endpoints)
    .flatMap(({ address, port }, index) => {
      const load = 8 + ((index * 7 + round * 3) % 11);
      const of = (metric: Sample['metric'], value: number): Sample => ({
        subject: { address, port },
        metric,
        value,
        sampledAtMs: nowMs - 200,
        changedAtMs: nowMs - 200,
        source: 'bench',
      });
      return [
        of('runningRequests', load),
        of('waitingRequests', index % 50 === 0 ? round % 4 : 0),
        of('kvUsageRatio', 0.4),
        of('generationTokensTotal', round * load * 20 * (index % 3 === 0 ? 0.5 : 1)),
        of('promptTokensTotal', round * 900),
        of('gpuUtilRatio', load / 24),
      ];
    });
}

function reportsOf(
  sets: readonly EndpointSet[],
  sidecars: number,
  round: number,
  nowMs: number,
): readonly LoadReport[] {
  return Array.from({ length: sidecars }, (_, sidecar) => ({
    nodeId: `node-${sidecar}`,
    receivedAtMs: nowMs - 300,
    intervalMs: 1000,
    absentMeansIdle: true,
    clusters: sets.map(({ service, endpoints }) => ({
      cluster: service,
      endpoints: endpoints.map(({ address, port }, index) => ({
        address,
        port,
        inProgress: (index + sidecar + round) % 2,
        issued: (index + sidecar) % 2,
        succeeded: (index + sidecar) % 2,
        errors: 0,
      })),
    })),
  }));
}

function connected(nodeId: string, atMs: number): NodePresence {
  return { nodeId, group: 'lab', kind: 'Connected', atMs, envoyVersion: '1.40.0' };
}
