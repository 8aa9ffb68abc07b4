import { type Arrival, type Message, OpenLoop, type RequestOutcome } from '../traffic/index.ts';
import { FLEET, SLOWED_SERVER } from './fleet.ts';
import { LANES, type Lab, type LaneName } from './lab.ts';
import { LaneAccount } from './lane-account.ts';
import { LaneObserver } from './lane-observer.ts';
import type { Frame, LaneFrame } from './live-table.ts';
import type { DemoOptions } from './options.ts';
import { pushesSince } from './push-counts.ts';
import { RecentLatency } from './recent-latency.ts';
import { type Measured, STATIC_LANE_PUSHES } from './report.ts';
import { GOOD_WITHIN_MS, type Scenario } from './scenario.ts';
import type { Screen } from './screen.ts';

const FRAME_EVERY_MS = 1000;
/** Weights are timed to a fraction of a second; in the other lane they never move. */
const OBSERVE_EVERY_MS: Readonly<Record<LaneName, number>> = { leastRequest: 1000, loadline: 400 };
/** A request that outlives the run by more is hanging. */
const DRAIN_MS = 120_000;

/** Of the model server: the length of a prompt, so that the prompt itself need not be sent. */
const PROMPT_TOKENS_HEADER = 'x-loadline-prompt-tokens';

type LaneRecord = {
  readonly account: LaneAccount;
  readonly recent: RecentLatency;
  readonly observer: LaneObserver;
};

/** One run over a lab: traffic, the slow GPU, observation, the live view. */
export class MeasuredRun {
  readonly #lab: Lab;
  readonly #options: DemoOptions;
  readonly #scenario: Scenario;
  readonly #lanes: Readonly<Record<LaneName, LaneRecord>>;
  #startMs = 0;
  #slow = false;

  constructor(lab: Lab, options: DemoOptions, scenario: Scenario) {
    this.#lab = lab;
    this.#options = options;
    this.#scenario = scenario;
    const record = (name: LaneName): LaneRecord => ({
      account: new LaneAccount(scenario.phases, GOOD_WITHIN_MS),
      recent: new RecentLatency(),
      observer: new LaneObserver(lab.lanes.find((lane) => lane.name === name)!, OBSERVE_EVERY_MS[name], () =>
        this.#clockMs(),
      ),
    });
    this.#lanes = { leastRequest: record('leastRequest'), loadline: record('loadline') };
  }

  /**
   * Runs from the first request of the warm-up to the end of the last one. Undefined when `signal` aborted it. Rejects
   * when a part of the lab ends.
   */
  async toEnd(screen: Screen, signal: AbortSignal): Promise<Measured | undefined> {
    const { loadline } = this.#lab;
    const pushesBefore = await loadline.pushes();
    const loop = this.#traffic((outcome) => this.#record(outcome));
    this.#startMs = performance.now() + this.#options.warmUpMs;
    const timers: NodeJS.Timeout[] = [];
    try {
      const failed = new Promise<never>((_, reject) => {
        for (const name of LANES) this.#lanes[name].observer.start(reject);
        const fault = (slow: boolean): void => {
          this.#slow = slow;
          this.#lab.fleet.faultInAllLanes(SLOWED_SERVER, slow ? { speed: this.#options.step } : {}).catch(reject);
        };
        const { warmUpMs } = this.#options;
        timers.push(
          setTimeout(() => fault(true), warmUpMs + this.#scenario.slowAtMs),
          setTimeout(() => fault(false), warmUpMs + this.#scenario.recoverAtMs),
          // What is still open then is given up, and so counts as failed.
          setTimeout(() => loop.stop(), warmUpMs + this.#scenario.endMs + DRAIN_MS),
          setInterval(() => screen.draw(this.#frame(loop)), FRAME_EVERY_MS),
        );
      });
      // Whoever fails after the end of the race is of no interest any more.
      failed.catch(() => undefined);
      await Promise.race([loop.run(), failed, this.#lab.broken, aborted(signal)]);
      if (signal.aborted) return undefined;
      screen.draw(this.#frame(loop));
      const pushes = pushesSince(await loadline.pushes(), pushesBefore);
      const { leastRequest, loadline: fed } = this.#lanes;
      return {
        envoyVersion: this.#lab.envoyVersion,
        goodWithinMs: GOOD_WITHIN_MS,
        slowedServer: SLOWED_SERVER,
        generatorLagP99Ms: loop.lagMs.percentileMs(0.99) ?? 0,
        lanes: {
          leastRequest: {
            account: leastRequest.account,
            samples: leastRequest.observer.samples,
            pushes: STATIC_LANE_PUSHES,
          },
          loadline: { account: fed.account, samples: fed.observer.samples, pushes },
        },
      };
    } finally {
      for (const timer of timers) clearTimeout(timer);
      loop.stop();
      await Promise.all(LANES.map((name) => this.#lanes[name].observer.stop()));
    }
  }

  /** The same traffic again and again, unmeasured, until `signal` aborts. Rejects when a part of the lab ends. */
  async keepGoing(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const loop = this.#traffic(() => undefined);
      try {
        await Promise.race([loop.run(), this.#lab.broken, aborted(signal)]);
      } finally {
        loop.stop();
      }
    }
  }

  #traffic(onOutcome: (outcome: RequestOutcome) => void): OpenLoop {
    return new OpenLoop({ arrivals: this.#scenario.arrivals, lanes: this.#lab.lanes, message: messageOf, onOutcome });
  }

  #clockMs(): number {
    return performance.now() - this.#startMs;
  }

  #record(outcome: RequestOutcome): void {
    const { account, recent } = this.#lanes[outcome.lane as LaneName];
    account.record(outcome, outcome.arrival.atMs - this.#options.warmUpMs);
    if (outcome.firstTokenMs !== undefined) recent.record(this.#clockMs(), outcome.firstTokenMs);
  }

  #frame(loop: OpenLoop): Frame {
    const tMs = this.#clockMs();
    const phase =
      tMs >= this.#scenario.endMs
        ? 'last requests'
        : this.#scenario.phases.find(({ fromMs, toMs }) => tMs >= fromMs && tMs < toMs)!.name;
    const lane = (name: LaneName): LaneFrame => {
      const { account, recent, observer } = this.#lanes[name];
      const { samples } = observer;
      const { p50, p99 } = recent.percentilesMs(tMs);
      return {
        weights: samples.latest?.weights,
        shares: samples.issuedSharesAt(samples.all.length - 1),
        inFlight: samples.latest?.inFlight,
        open: loop.inFlight(name),
        firstTokenP50Ms: p50,
        firstTokenP99Ms: p99,
        goodputRatio: account.together(0).goodputRatio,
        errors: account.clientErrors,
      };
    };
    return {
      tMs,
      endMs: this.#scenario.endMs,
      phase,
      slowServer: this.#slow ? SLOWED_SERVER : undefined,
      fleet: FLEET,
      lanes: { leastRequest: lane('leastRequest'), loadline: lane('loadline') },
    };
  }
}

/** What a client sends for an arrival: the length of its prompt is told, not sent. */
export function messageOf({ promptTokens, outputTokens }: Arrival): Message {
  return {
    body: JSON.stringify({ model: 'loadline-lab', prompt: 'demo', max_tokens: outputTokens, stream: true }),
    headers: { [PROMPT_TOKENS_HEADER]: String(promptTokens) },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
