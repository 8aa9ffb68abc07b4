import { type LoadInput, type LoadState, type ServiceLoad, stepLoad } from '../../../src/core/load/index.ts';
import type { Endpoint, LoadReport, Metric, Sample } from '../../../src/core/topology/index.ts';
import { endpoint, endpoints, START_MS } from '../weights/beliefs.ts';

export const N = 4;
const NODE = 'a';

export type Second = {
  readonly samples?: readonly Sample[];
  readonly reports?: readonly LoadReport[];
  readonly endpoints?: readonly Endpoint[];
};

export function sample(i: number, metric: Metric, value: number, atMs: number): Sample {
  const { address, port } = endpoint(i);
  return { subject: { address, port }, metric, value, sampledAtMs: atMs, changedAtMs: atMs, source: 'test' };
}

/** One page of an engine that makes so many tokens a second. */
export function page(
  i: number,
  atMs: number,
  engine: { running: number; waiting?: number; tokensPerSec?: number },
): readonly Sample[] {
  return [
    sample(i, 'runningRequests', engine.running, atMs),
    sample(i, 'waitingRequests', engine.waiting ?? 0, atMs),
    sample(i, 'kvUsageRatio', 0.3, atMs),
    sample(i, 'generationTokensTotal', ((atMs - START_MS) / 1000) * (engine.tokensPerSec ?? 400) + 1000, atMs),
    sample(i, 'promptTokensTotal', 1000, atMs),
  ];
}

export function report(
  atMs: number,
  of: (i: number) => { inFlight: number; issued: number; done?: number; errors?: number },
  count: number = N,
): LoadReport {
  return {
    nodeId: NODE,
    receivedAtMs: atMs,
    intervalMs: 1000,
    absentMeansIdle: true,
    clusters: [
      {
        cluster: 'chat',
        endpoints: endpoints(count).map(({ address, port }, i) => {
          const { inFlight, issued, done = issued, errors = 0 } = of(i);
          return { address, port, inProgress: inFlight, issued, succeeded: done, errors };
        }),
      },
    ],
  };
}

export function inputAt(nowMs: number, second: Second, first = false): LoadInput {
  return {
    nowMs,
    service: 'chat',
    endpoints: second.endpoints ?? endpoints(N),
    samples: second.samples ?? [],
    reports: second.reports ?? [],
    presence: first ? [{ nodeId: NODE, group: 'lab', kind: 'Connected', atMs: nowMs, envoyVersion: '1.40.0' }] : [],
    options: { leastRequest: true },
  };
}

export function live(seconds: number, of: (atMs: number, sec: number) => Second, from?: LoadState, offset = 0) {
  let state = from;
  let load: ServiceLoad | undefined;
  for (let sec = offset; sec < offset + seconds; sec += 1) {
    const nowMs = START_MS + sec * 1000;
    const out = stepLoad(state, inputAt(nowMs, of(nowMs - 200, sec), state === undefined));
    state = out.state;
    load = out.load;
  }
  return { state: state as LoadState, load: load as ServiceLoad };
}

export const steady = (atMs: number): Second => ({
  samples: endpoints(N).flatMap((_, i) => page(i, atMs, { running: 8 })),
  reports: [report(atMs, () => ({ inFlight: 8, issued: 2 }))],
});
