import { seededRandom } from '../../src/base/units/index.ts';
import { LANES, Lab, type LaneName } from '../../src/lab/demo/lab.ts';
import { LaneObserver } from '../../src/lab/demo/lane-observer.ts';
import { messageOf } from '../../src/lab/demo/measured-run.ts';
import { drawArrivals, type Scenario } from '../../src/lab/simulate/index.ts';
import { OpenLoop } from '../../src/lab/traffic/index.ts';
import { liveFaults, liveFleet, liveOptions } from './live-fleet.ts';
import { LiveLane, type LiveRun } from './live-lane.ts';

const OBSERVE_MS = 500;
/** A request that outlasts the run by more is hanging. */
const DRAIN_MS = 60_000;

export type LivePair = {
  readonly lanes: Readonly<Record<LaneName, LiveRun>>;
  /** How late the generator sent: a machine without a free core shows here first. */
  readonly lagP99Ms: number;
};

/** One run of a scenario on real Envoys: both lanes side by side, with the same requests at the same times. */
export async function runLive(
  scenario: Scenario,
  seed: number,
  say: (line: string) => void,
  interrupt?: AbortSignal,
): Promise<LivePair> {
  const faults = liveFaults(scenario.events);
  const lab = await Lab.start(liveOptions(scenario), liveFleet(scenario), say);
  const lanes: Record<LaneName, LiveLane> = { leastRequest: new LiveLane(), loadline: new LiveLane() };
  let startMs = 0;
  const observers = LANES.map(
    (name) =>
      new LaneObserver(
        lab.lanes.find((lane) => lane.name === name) as Lab['lanes'][number],
        OBSERVE_MS,
        () => performance.now() - startMs,
      ),
  );
  const loop = new OpenLoop({
    arrivals: drawArrivals(scenario, seededRandom(seed)),
    lanes: lab.lanes,
    message: messageOf,
    onOutcome: (outcome) => lanes[outcome.lane as LaneName].add(outcome),
  });
  const timers: NodeJS.Timeout[] = [];
  try {
    startMs = performance.now();
    let pushesBefore = 0;
    const failed = new Promise<never>((_, reject) => {
      interrupt?.addEventListener('abort', () => reject(new Error('interrupted')));
      if (interrupt?.aborted) reject(new Error('interrupted'));
      for (const observer of observers) observer.start(reject);
      for (const { atMs, server, fault } of faults)
        timers.push(setTimeout(() => void lab.fleet.faultInAllLanes(server, fault).catch(reject), atMs));
      timers.push(
        setTimeout(() => {
          lab.loadline.pushes().then(({ eds }) => {
            pushesBefore = eds;
          }, reject);
        }, scenario.warmUpMs),
        setTimeout(() => loop.stop(), scenario.durationMs + DRAIN_MS),
      );
    });
    failed.catch(() => undefined);
    await Promise.race([loop.run(), failed, lab.broken]);
    const pushes = ((await lab.loadline.pushes()).eds - pushesBefore) / scenario.sidecars;
    await Promise.all(observers.map((observer) => observer.stop()));
    const [leastRequest, loadline] = observers.map(({ samples }) => samples.all);
    return {
      lanes: {
        leastRequest: lanes.leastRequest.run(scenario, leastRequest ?? [], 0),
        loadline: lanes.loadline.run(scenario, loadline ?? [], pushes),
      },
      lagP99Ms: loop.lagMs.percentileMs(0.99) ?? 0,
    };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    loop.stop();
    await Promise.all(observers.map((observer) => observer.stop()));
    await lab.stop('Remove');
  }
}
