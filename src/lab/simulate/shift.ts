import type { Run } from './measures.ts';
import type { Scenario } from './scenario.ts';

/** A server becomes slower or faster, and its fair share of the requests goes with it. */
export type Step = {
  readonly server: number;
  readonly atMs: number;
  /** When the next step comes, or the run ends. */
  readonly untilMs: number;
  /** Of all requests, 0..1: its slots times its speed over those of all. */
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

/** The steps of a scenario in which nothing else moves. */
export function stepsOf({ servers, events, durationMs }: Scenario): readonly Step[] {
  const speeds = events.flatMap((event) =>
    event.kind === 'Condition' && event.change.speed !== undefined
      ? [{ atMs: event.atMs, server: event.server, speed: event.change.speed }]
      : [],
  );
  if (speeds.length < events.length) return [];
  const now = servers.map(() => 1);
  const fair = (server: number): number => {
    const capacity = servers.map(({ profile }, index) => profile.slots * profile.speed * (now[index] as number));
    return (capacity[server] as number) / capacity.reduce((sum, one) => sum + one, 0);
  };
  return speeds.map(({ atMs, server, speed }, at) => {
    const fairBefore = fair(server);
    now[server] = speed;
    return { server, atMs, untilMs: speeds[at + 1]?.atMs ?? durationMs, fairBefore, fairAfter: fair(server) };
  });
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
    beyondRatio: Math.max(0, ((most - 1) * Math.abs(fairAfter - fairBefore)) / fairAfter),
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
  const sums = Array.from({ length: untilSec - fromSec }, (_, at) => {
    let [own, all] = [0, 0];
    for (const { issued } of runs) {
      const second = issued[fromSec + at] ?? [];
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
