import { seededRandom } from '../../base/units/index.ts';
import type { TaintRule } from '../../core/operations/index.ts';
import { hostPort } from '../../core/topology/index.ts';
import { connectPush } from '../admin/index.ts';
import type { ApiPlace } from '../kubernetes/index.ts';
import { type SignalLog, SignalSchedule, shownUrl, type Target, type Timers } from '../signals/index.ts';
import type { ClientTlsFiles } from '../tls/index.ts';
import { type DepartureWatch, departureWatches } from './departure-watches.ts';
import { Outbox } from './outbox.ts';
import { type AgentEndpoint, Placement } from './placement.ts';
import { PushLoop } from './push-loop.ts';

export type AgentOptions = {
  readonly server: string;
  readonly tls?: ClientTlsFiles | undefined;
  readonly name: string;
  readonly node?: string;
  readonly pod?: string;
  readonly intervalMs: number;
  readonly gpus?:
    | { readonly kind: 'NvidiaSmi'; readonly path: string }
    | { readonly kind: 'Exporter'; readonly url: string };
  readonly engines: readonly { readonly address: string; readonly port: number; readonly url: string }[];
  readonly endpoints: readonly AgentEndpoint[];
  /** Of the instance metadata service that is asked for interruption notices; absent: none is. */
  readonly metadata?: string;
  /** The Kubernetes node whose taints are watched; absent: none is. */
  readonly taints?: NodeTaints;
};

export type NodeTaints = { readonly node: string; readonly api: ApiPlace; readonly rules: readonly TaintRule[] };

const ANSWER_WITHIN_MS = 5000;

/** Timers that keep the process alive: an agent that has nothing to do waits. */
const LIVELY_TIMERS: Timers = {
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Reads what is on this machine and pushes it: the sources and the schedule are those of the server. */
export class Agent {
  readonly #schedule: SignalSchedule;
  readonly #loop: PushLoop;
  readonly #watches: readonly DepartureWatch[];

  constructor(options: AgentOptions, log: SignalLog) {
    const { server, name, intervalMs, tls } = options;
    // Never goes backwards: ages are differences of it.
    const clock = (): number => performance.timeOrigin + performance.now();
    const random = seededRandom(process.pid);
    const schedule = new SignalSchedule({ clock, random, log });
    const outbox = new Outbox();
    const placement = new Placement(withOneEngine(options));
    this.#schedule = schedule;
    this.#loop = new PushLoop({
      intervalMs,
      clock,
      random,
      timers: LIVELY_TIMERS,
      log,
      outbox,
      connect: () => connectPush(server, { agent: name, answerWithinMs: ANSWER_WITHIN_MS, tls }),
      gather: () => {
        outbox.take(schedule.take().samples.flatMap((sample) => placement.place(sample) ?? []));
        return problemsOf(schedule);
      },
    });
    schedule.configure(targetsOf(options));
    this.#watches = departureWatches(options, { clock, random, log, timers: LIVELY_TIMERS });
  }

  start(): void {
    this.#loop.start();
    for (const watch of this.#watches) watch.start();
  }

  /** Ends the stream, and what is being read with it. */
  stop(): void {
    for (const watch of this.#watches) watch.stop();
    this.#loop.stop();
    this.#schedule.stop();
  }
}

/** Where one engine is named and no endpoint, the GPUs are that engine's. */
function withOneEngine(options: AgentOptions): AgentOptions {
  const { engines, endpoints } = options;
  return endpoints.length === 0 && engines.length === 1 ? { ...options, endpoints: engines } : options;
}

export function targetsOf({ intervalMs, gpus, engines }: AgentOptions): readonly Target[] {
  const common = { service: '', pool: '', intervalMs };
  const targets = engines.map(({ address, port, url }): Target => {
    const subject = { address, port };
    return {
      ...common,
      kind: 'Engine',
      key: `engine ${url} ${hostPort(address, port)}`,
      source: `engine ${shownUrl(url)}`,
      url,
      subject,
    };
  });
  switch (gpus?.kind) {
    case undefined:
      return targets;
    case 'NvidiaSmi': {
      const { path } = gpus;
      return [
        ...targets,
        {
          ...common,
          kind: 'NvidiaSmi',
          key: 'gpus',
          source: `nvidia-smi ${path}`,
          url: `exec:${path}`,
          path,
          subject: {},
        },
      ];
    }
    case 'Exporter': {
      const { url } = gpus;
      return [
        ...targets,
        { ...common, kind: 'Exporter', key: 'gpus', source: `gpu ${shownUrl(url)}`, url, subject: {} },
      ];
    }
  }
}

function problemsOf(schedule: SignalSchedule): readonly string[] {
  return schedule
    .health()
    .flatMap(({ source, lastError, consecutiveFailures }) =>
      consecutiveFailures > 0 ? [`${source}: ${lastError ?? 'failed'}`] : [],
    );
}
