/** Resource types in the order in which they are sent. */
export const PUSH_TYPES = ['cds', 'eds', 'lds', 'rds', 'rtds', 'ecds'] as const;

export type PushCounts = Readonly<Record<(typeof PUSH_TYPES)[number], number>>;

export const NO_PUSHES: PushCounts = { cds: 0, eds: 0, lds: 0, rds: 0, rtds: 0, ecds: 0 };

/** Sums `loadline_xds_pushes_total` by type over its other labels, from a page of Loadline's `/metrics`. */
export function pushCounts(page: string): PushCounts {
  const counts: Record<string, number> = { ...NO_PUSHES };
  for (const match of page.matchAll(/^loadline_xds_pushes_total\{([^}]*)\}\s+([0-9.eE+]+)/gm)) {
    const type = /(?:^|,)type="([^"]*)"/.exec(match[1]!)?.[1];
    if (type !== undefined && type in counts) counts[type]! += Number(match[2]);
  }
  return counts as PushCounts;
}

export function pushesSince(now: PushCounts, then: PushCounts): PushCounts {
  return Object.fromEntries(PUSH_TYPES.map((type) => [type, now[type] - then[type]])) as PushCounts;
}
