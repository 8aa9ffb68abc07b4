import { own } from '../../base/units/index.ts';

/** One step: up to so much of a traffic class is shed, or goes to another pool, before the next step begins. */
export type Rung = {
  readonly class: string;
  readonly upToRatio: number;
  /** Where it goes; absent: it is shed. */
  readonly toPool?: string;
};

/** What is given up of each class, in whole percentages; classes of which nothing is are left out. */
export type GivenUp = {
  readonly percents: Readonly<Record<string, number>>;
  /** Of what is not shed. */
  readonly degrades: Readonly<Record<string, Degraded>>;
};

export type Degraded = { readonly toPool: string; readonly percent: number };

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
    const key = keyOf(rung);
    const before = reached.get(key) ?? 0;
    const after = Math.max(before, effortOf(rung.upToRatio));
    reached.set(key, after);
    const stretch = { ...rung, from, length: after - before };
    from += stretch.length;
    return stretch;
  });
}

/** What is degraded is a part of what is not shed, so that the efforts of both add up like those of two classes. */
function keyOf({ class: name, toPool }: Rung): string {
  return toPool === undefined ? name : `${name} to ${toPool}`;
}

function effortOf(ratio: number): number {
  return ratio >= 1 ? ALL : Math.min(ALL, -Math.log(1 - ratio));
}

/** The effort with which everything is given up that may be. */
export function reachOf(ladder: Ladder): number {
  return stretches(ladder).reduce((sum, { length }) => sum + length, 0);
}

/** Up to which effort the ladder works at `leaveAt`. */
export function earlyReachOf(ladder: Ladder): number {
  return stretches(ladder)
    .slice(0, ladder.early)
    .reduce((sum, { length }) => sum + length, 0);
}

/** The effort that gives up on this ladder what another one, or this one of before, gives up of its classes. */
export function effortFor(ladder: Ladder, { percents, degrades }: GivenUp): number {
  const most = new Map<string, number>();
  const percentOfKey = new Map<string, number>();
  for (const stretch of stretches(ladder)) {
    const { class: name, toPool, length } = stretch;
    const key = keyOf(stretch);
    const degraded = own(degrades, name);
    most.set(key, (most.get(key) ?? 0) + length);
    if (toPool === undefined) percentOfKey.set(key, own(percents, name) ?? 0);
    else percentOfKey.set(key, degraded?.toPool === toPool ? degraded.percent : 0);
  }
  return [...most].reduce(
    (sum, [key, length]) => sum + Math.min(length, effortOf((percentOfKey.get(key) ?? 0) / 100)),
    0,
  );
}

/** Whether two ladders have the same rungs: then an effort means the same on both. */
export function orderOf({ rungs }: Ladder): string {
  return rungs.map((rung) => `${keyOf(rung)} ${rung.upToRatio}`).join(', ');
}

/** Part of the load that passes with an effort, if all of it were of the classes on the rungs; above 0. */
export function passOf(effort: number): number {
  return Math.exp(-effort);
}

/** What is given up with an effort, and the number of rungs in use. */
export function givenUpAt(ladder: Ladder, effort: number): GivenUp & { readonly level: number } {
  const sheds = new Map<string, number>();
  const degraded = new Map<string, { readonly toPool: string; readonly sum: number }>();
  let level = 0;
  for (const { class: name, toPool, from, length } of stretches(ladder)) {
    const part = Math.min(length, Math.max(0, effort - from));
    if (part <= 0) continue;
    level += 1;
    if (toPool === undefined) sheds.set(name, (sheds.get(name) ?? 0) + part);
    else degraded.set(name, { toPool, sum: (degraded.get(name)?.sum ?? 0) + part });
  }
  const percents = [...sheds].map(([name, sum]): [string, number] => [name, percentOf(sum)]);
  const degrades = [...degraded].map(([name, { toPool, sum }]): [string, Degraded] => [
    name,
    { toPool, percent: percentOf(sum) },
  ]);
  return {
    percents: Object.fromEntries(percents.filter(([, percent]) => percent > 0)),
    degrades: Object.fromEntries(degrades.filter(([, { percent }]) => percent > 0)),
    level,
  };
}

function percentOf(effort: number): number {
  return effort >= ALL - 1e-6 ? 100 : Math.round(100 * (1 - Math.exp(-effort)));
}
