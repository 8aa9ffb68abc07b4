import { contentHash } from '../../../base/units/index.ts';

/** The hash of what a policy means: neither places in the text nor the order of keys are part of it. */
export function revisionOf(policy: object): string {
  return contentHash(canonicalJson(policy));
}

/** JSON with sorted keys and without `origin`. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (key, member: unknown) => {
    if (key === 'origin') return undefined;
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
