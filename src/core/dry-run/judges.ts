import { NEWEST_RELEASE } from './receivers.ts';

/** An Envoy that is asked in the name of those of a release. */
export type Judge = {
  /** Release band that is connected, or that of the judge itself where none is. */
  readonly release: string;
  /** Version at hand that answers: `1.40.0`. Undefined: none is, and only the rules that this build knows can speak. */
  readonly version: string | undefined;
  /** Release band of that version: it judges what an Envoy of its own release would be sent. */
  readonly judgedAs: string;
};

/**
 * Whom to ask: for the oldest and the newest release that is connected an Envoy of that release, else the next newer one at
 * hand, else the nearest older. What the oldest and the newest take, those in between take too. Nobody connected: the oldest and
 * the newest at hand.
 *
 * @param releases bands that are connected, in any order
 * @param versions at hand, `1.40.0`
 */
export function judgesFor(releases: readonly string[], versions: readonly string[]): readonly Judge[] {
  const sorted = [...versions].sort(compareVersions);
  const newest = sorted.at(-1);
  const connected = [...new Set(releases)].sort(compareVersions);
  const asked =
    connected.length === 0
      ? newest === undefined
        ? [NEWEST_RELEASE]
        : [bandOf(sorted[0] as string), bandOf(newest)]
      : [connected[0] as string, connected.at(-1) as string];
  return [...new Set(asked)].map((release) => {
    if (newest === undefined) return { release, version: undefined, judgedAs: release };
    const own = sorted.filter((version) => bandOf(version) === release).at(-1);
    const newer = sorted.find((version) => compareVersions(bandOf(version), release) > 0);
    const version = own ?? newer ?? newest;
    return { release, version, judgedAs: bandOf(version) };
  });
}

/** `1.40.0` → `1.40` */
function bandOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function compareVersions(a: string, b: string): number {
  const [as, bs] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let at = 0; at < Math.max(as.length, bs.length); at++) {
    const difference = (as[at] ?? 0) - (bs[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
