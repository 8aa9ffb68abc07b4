import { Compiler, INITIAL_STATE, tick } from '../src/core/control/index.ts';
import type { LoadReport, Sample } from '../src/core/topology/index.ts';
import { staticEndpointSets } from '../src/edge/discovery/index.ts';
import type { Row } from './main.ts';
import { cpuMs, median } from './median.ts';
import { policyOf } from './policy-of.ts';

const ENDPOINTS = 1000;
const SIDECARS = 16;
/** A server ticks for months: what it costs while its code is still being compiled is of no interest. */
const WARM_UP_ROUNDS = 100;
const ROUNDS = 160;

/** One tick of 1,000 endpoints: engine and GPU samples and the reports of 16 sidecars in, resources out. */
export async function tickCost(): Promise<readonly Row[]> {
  const policy = policyOf(ENDPOINTS);
  const endpointSets = staticEndpointSets(policy);
  const endpoints = endpointSets.flatMap((set) => set.endpoints);
  const compiler = new Compiler();
  const key = { group: 'lab', release: '1.40', listenerOverrides: {} };
  let state = INITIAL_STATE;
  let nowMs = 1_700_000_000_000;
  const ticks: number[] = [];
  const compiles: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    nowMs += 1000;
    const samples: Sample[] = endpoints.flatMap(({ address, port }, index) => {
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
    const reports: LoadReport[] = Array.from({ length: SIDECARS }, (_, sidecar) => ({
      nodeId: `node-${sidecar}`,
      receivedAtMs: nowMs - 300,
      intervalMs: 1000,
      absentMeansIdle: true,
      clusters: [
        {
          cluster: 'chat',
          endpoints: endpoints.map(({ address, port }, index) => ({
            address,
            port,
            inProgress: (index + sidecar + round) % 2,
            issued: (index + sidecar) % 2,
            succeeded: (index + sidecar) % 2,
            errors: 0,
          })),
        },
      ],
    }));
    const presence =
      round === 0
        ? reports.map(({ nodeId }) => ({
            nodeId,
            group: 'lab',
            kind: 'Connected' as const,
            atMs: nowMs,
            envoyVersion: '1.40.0',
          }))
        : [];
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
  return [
    {
      what: `tick, ${ENDPOINTS} endpoints, ${SIDECARS} sidecars: decide`,
      value: `${median(ticks).toFixed(1)} ms`,
      note: 'CPU, garbage collection included, median of 60: samples and reports to Plan',
    },
    {
      what: `tick, ${ENDPOINTS} endpoints: compile`,
      value: `${median(compiles).toFixed(2)} ms`,
      note: 'CPU, median of 60: Plan to resources, rule check included',
    },
  ];
}
