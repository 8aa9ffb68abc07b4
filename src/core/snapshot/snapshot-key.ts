/**
 * What makes two nodes receive the same bytes: their group, the release band of their Envoy (fields newer than it are
 * left out), the listener addresses that they override because they share a host, and whether they try a change.
 */
export type SnapshotKey = {
  readonly group: string;
  /** `1.36`, `1.40`; a node that does not say gets the oldest that is supported. */
  readonly release: string;
  readonly listenerOverrides: Readonly<Record<string, string>>;
  /**
   * The clusters of this Envoy belong to someone else, and it takes only their endpoints from here. With group '' it is in
   * none: every model service may be asked for.
   */
  readonly endpointsOnly?: boolean;
  /** It tries a change before the others. */
  readonly track?: 'Canary';
  /** Where its requests come from, where a service of its group keeps them in their zone: that of some server, or '' for all others. */
  readonly zone?: string;
};

const OLDEST_RELEASE = '1.36';
export const NEWEST_RELEASE = '1.40';

/** `1.38.3` → `1.38`, held inside the range that this build knows. */
export function releaseBand(envoyVersion: string): string {
  const match = /^(\d+)\.(\d+)/.exec(envoyVersion);
  if (match === null) return OLDEST_RELEASE;
  const major = Number(match[1]);
  const minor = Number(match[2]);
  const newestMinor = Number(NEWEST_RELEASE.slice(2));
  const oldestMinor = Number(OLDEST_RELEASE.slice(2));
  if (major !== 1) return major > 1 ? NEWEST_RELEASE : OLDEST_RELEASE;
  return `1.${Math.min(newestMinor, Math.max(oldestMinor, minor))}`;
}

/** One string for one key: equal keys give equal strings, whatever the order of the overrides. */
export function snapshotKeyText(key: SnapshotKey): string {
  const overrides = Object.keys(key.listenerOverrides)
    .sort()
    .map((name) => [name, key.listenerOverrides[name]]);
  const kind = [
    ...(key.endpointsOnly === true ? ['endpoints'] : []),
    ...(key.track === 'Canary' ? ['canary'] : []),
    ...(key.zone === undefined ? [] : [`zone ${key.zone}`]),
  ];
  return JSON.stringify([key.group, key.release, overrides, ...kind]);
}
