import { own } from '../../base/units/index.ts';

/** One step: up to so much of a traffic class is shed before the next step begins. */
export type Rung = { readonly class: string; readonly upToRatio: number };

/** What a service gives up when it is saturated, in this order. */
export type Ladder = {
  readonly rungs: readonly Rung[];
  /** How many of the first begin at `leaveAt` already. */
  readonly early: number;
  /** Saturation at which shedding begins, and below which it ends. */
  readonly enterAt: number;
  readonly leaveAt: number;
};

/** Effort that sheds all of a class: what still passes then is less than can be measured. */
const ALL = 3.5;

type Stretch = Rung & { readonly from: number; readonly length: number };

/**
 * The effort of a ladder is one number, from 0 to its reach, for all of its rungs: each has a stretch of it. In a stretch it is the
 * natural logarithm of what is kept away of a class (1 lets 1/e pass), because load is a factor: a tenth of ten times the
 * capacity and a half of twice the capacity are the same amount of work for the controller.
 */
function stretches({ rungs }: Ladder): readonly Stretch[] {
  const reached = new Map<string, number>();
  let from = 0;
  return rungs.map((rung) => {
    const before = reached.get(rung.class) ?? 0;
    const after = Math.max(before, effortOf(rung.upToRatio));
    reached.set(rung.class, after);
    const stretch = { ...rung, from, length: after - before };
    from += stretch.length;
    return stretch;
  });
}

function effortOf(ratio: number): number {
  return ratio >= 1 ? ALL : Math.min(ALL, -Math.log(1 - ratio));
}

/** The effort with which everything is shed that may be. */
export function reachOf(ladder: Ladder): number {
  return stretches(ladder).reduce((sum, { length }) => sum + length, 0);
}

/** Up to which effort the ladder works at `leaveAt`. */
export function earlyReachOf(ladder: Ladder): number {
  return stretches(ladder)
    .slice(0, ladder.early)
    .reduce((sum, { length }) => sum + length, 0);
}

/** The effort that sheds on this ladder what another one, or this one of before, sheds of its classes. */
export function effortFor(ladder: Ladder, percents: Readonly<Record<string, number>>): number {
  const most = new Map<string, number>();
  for (const { class: name, length } of stretches(ladder)) most.set(name, (most.get(name) ?? 0) + length);
  return [...most].reduce(
    (sum, [name, length]) => sum + Math.min(length, effortOf((own(percents, name) ?? 0) / 100)),
    0,
  );
}

/** Whether two ladders have the same rungs: then an effort means the same on both. */
export function orderOf({ rungs }: Ladder): string {
  return rungs.map(({ class: name, upToRatio }) => `${name} ${upToRatio}`).join(', ');
}

/** Part of the load that passes with an effort, if all of it were of the classes on the rungs; above 0. */
export function passOf(effort: number): number {
  return Math.exp(-effort);
}

/** Whole percentages of each class that are shed with an effort, and the number of rungs in use. */
export function shedAt(
  ladder: Ladder,
  effort: number,
): { readonly percents: Readonly<Record<string, number>>; readonly level: number } {
  const kept = new Map<string, number>();
  let level = 0;
  for (const { class: name, from, length } of stretches(ladder)) {
    const part = Math.min(length, Math.max(0, effort - from));
    if (part <= 0) continue;
    level += 1;
    kept.set(name, (kept.get(name) ?? 0) + part);
  }
  const percents = [...kept].map(([name, sum]): [string, number] => [name, percentOf(sum)]);
  return { percents: Object.fromEntries(percents.filter(([, percent]) => percent > 0)), level };
}

function percentOf(effort: number): number {
  return effort >= ALL - 1e-6 ? 100 : Math.round(100 * (1 - Math.exp(-effort)));
}
