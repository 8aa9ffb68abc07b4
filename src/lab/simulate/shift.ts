import { absentAtFirst } from './absent-at-first.ts';
import type { Run } from './measures.ts';
import { capacityOf, type Event, type Scenario } from './scenario.ts';

/** What a server can do changes, and its fair share of the requests goes with it. */
export type Step = {
  readonly server: number;
  readonly atMs: number;
  /** When the next step comes, or the run ends. */
  readonly untilMs: number;
  /** Of all requests, 0..1: what it can do (its slots times its speed, less what others take of it) over what all can. */
  readonly fairBefore: number;
  readonly fairAfter: number;
};

/** How long the requests that are issued take to follow; undefined: they never did. */
export type Shift = {
  readonly t50Ms: number | undefined;
  readonly t90Ms: number | undefined;
  /** How far the share went beyond the fair one, as a part of it: what drains the queue of a slower server. */
  readonly beyondRatio: number;
};

/** Shares of single seconds are noise: they are smoothed over three. */
const SMOOTH_SEC = 3;

type Part = 'speed' | 'own' | 'well';

/** Factors on the capacity of a server. */
type Parts = Record<Part, number>;

type Change = { readonly atMs: number; readonly server: number; readonly part: Part; readonly value: number };

/** The steps of a scenario, in order of time. With an autoscaler the fair share moves all the time: none. */
export function stepsOf({ servers, events, autoscaler, durationMs }: Scenario): readonly Step[] {
  if (autoscaler !== undefined) return [];
  const absent = absentAtFirst(events);
  const now = servers.map((_, server): Parts => ({ speed: 1, own: 1, well: absent.has(server) ? 0 : 1 }));
  const fair = (server: number): number => {
    const capacity = servers.map((one, index) => {
      const { speed, own, well } = now[index] as Parts;
      return capacityOf(one) * speed * own * well;
    });
    const all = capacity.reduce((sum, one) => sum + one, 0);
    return all === 0 ? 0 : (capacity[server] as number) / all;
  };
  const steps = events
    .flatMap(changesOf)
    .filter(({ atMs }) => atMs < durationMs)
    .sort((a, b) => a.atMs - b.atMs)
    .flatMap(({ atMs, server, part, value }) => {
      const fairBefore = fair(server);
      (now[server] as Parts)[part] = value;
      const fairAfter = fair(server);
      return fairAfter === fairBefore ? [] : [{ server, atMs, fairBefore, fairAfter }];
    });
  // Where several servers change at once, none of them ends the others' time.
  return steps.map((step) => ({
    ...step,
    untilMs: steps.find(({ atMs }) => atMs > step.atMs)?.atMs ?? durationMs,
  }));
}

/** What an event changes in the capacity of a server, and when. */
function changesOf(event: Event): readonly Change[] {
  if (event.kind === 'SidecarRestart') return [];
  const { server, atMs } = event;
  const change = (part: Part, value: number, at = atMs): Change => ({ atMs: at, server, part, value });
  switch (event.kind) {
    case 'Condition': {
      const { speed, foreignLoad, frozen } = event.change;
      return [
        ...(speed === undefined ? [] : [change('speed', speed)]),
        ...(foreignLoad === undefined ? [] : [change('own', 1 - foreignLoad)]),
        ...(frozen === undefined ? [] : [change('well', frozen ? 0 : 1)]),
      ];
    }
    case 'Sinkhole':
      return [change('well', 1 - event.ratio)];
    case 'Crash':
      return [change('well', 0), change('well', 1, event.backAtMs)];
    case 'ColdStart':
      return [change('well', 0), change('well', 1, atMs + event.forMs)];
    case 'Join':
      return [change('well', 1, atMs + event.coldMs)];
    case 'Leave':
      return [change('well', 0)];
    case 'FreezeMetrics':
    case 'FalseClock':
    case 'FalseThrottle':
      return [];
  }
}

/** Over several runs together: one has too few requests in a second to say anything. */
export function shiftOf(runs: readonly Pick<Run, 'issued'>[], step: Step): Shift {
  const { server, atMs, untilMs, fairBefore, fairAfter } = step;
  const shares = sharesOf(runs, server, atMs / 1000, untilMs / 1000);
  const way = shares.map((share) => (share - fairBefore) / (fairAfter - fairBefore));
  const reached = (part: number): number | undefined => {
    const at = way.findIndex((done) => done >= part);
    return at === -1 ? undefined : 1000 * (at + 0.5);
  };
  const most = Math.max(...way);
  return {
    t50Ms: reached(0.5),
    t90Ms: reached(0.9),
    beyondRatio: fairAfter === 0 ? 0 : Math.max(0, ((most - 1) * Math.abs(fairAfter - fairBefore)) / fairAfter),
  };
}

/** By second from the step on. Seconds before it are not mixed in. */
function sharesOf(
  runs: readonly Pick<Run, 'issued'>[],
  server: number,
  fromSec: number,
  untilSec: number,
): readonly number[] {
  const half = (SMOOTH_SEC - 1) / 2;
  const first = Math.floor(fromSec);
  const sums = Array.from({ length: Math.max(1, Math.floor(untilSec) - first) }, (_, at) => {
    let [own, all] = [0, 0];
    for (const { issued } of runs) {
      const second = issued[first + at] ?? [];
      own += second[server] ?? 0;
      all += second.reduce((sum, one) => sum + one, 0);
    }
    return { own, all };
  });
  return sums.map((_, at) => {
    const window = sums.slice(Math.max(0, at - half), at + half + 1);
    const all = window.reduce((sum, one) => sum + one.all, 0);
    return all === 0 ? 0 : window.reduce((sum, one) => sum + one.own, 0) / all;
  });
}
