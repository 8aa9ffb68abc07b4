import { LineCounter, parseDocument } from 'yaml';
import type { Issue, Result } from '../../base/units/index.ts';
import { type Finding, resolveProfile } from './profile-input.ts';
import type { ServerProfile } from './server-profile.ts';

const MOST_SERVERS = 1000;

/**
 * Reads a fleet: a YAML or JSON list of `{ count: 4, profile: wide }`, where the profile is a name or a mapping (see
 * `ProfileInput`). Gives one profile for each server, in order. All issues of a file at once, with positions.
 */
export function parseFleet(content: string, file: string): Result<readonly ServerProfile[]> {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    const issues = document.errors.map((error) => ({
      code: 'lab.fleet',
      path: '',
      message: error.message,
      position: position(error.pos[0]),
    }));
    return { ok: false, issues };
  }
  const profiles: ServerProfile[] = [];
  let findings: readonly Finding[];
  try {
    findings = read(document.toJS(), profiles);
  } catch (error) {
    // Aliases without an anchor, and too many of them, show only when they are followed.
    findings = [{ at: [], message: (error as Error).message }];
  }
  if (findings.length === 0) return { ok: true, value: profiles, warnings: [] };
  return { ok: false, issues: findings.map(toIssue) };

  function toIssue({ at, message }: Finding): Issue {
    const node = at.length === 0 ? document.contents : document.getIn(at, true);
    const range = (node as { readonly range?: readonly number[] } | null | undefined)?.range;
    const path = at.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
    return { code: 'lab.fleet', path: path.replace(/^\./, ''), message, position: position(range?.[0] ?? 0) };
  }

  function position(offset: number): NonNullable<Issue['position']> {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function read(fleet: unknown, profiles: ServerProfile[]): readonly Finding[] {
  if (!Array.isArray(fleet) || fleet.length === 0) {
    return [{ at: [], message: 'expected a list of { count, profile }, such as "- { count: 4, profile: wide }"' }];
  }
  const findings: Finding[] = [];
  for (const [index, entry] of (fleet as readonly unknown[]).entries()) {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
      findings.push({ at: [index], message: 'expected a mapping with count and profile' });
      continue;
    }
    const { count = 1, profile, ...rest } = entry as { count?: unknown; profile?: unknown };
    for (const key of Object.keys(rest)) {
      findings.push({ at: [index, key], message: `unknown key "${key}"; allowed are count, profile` });
    }
    const resolved = resolveProfile(profile ?? {});
    if (!resolved.ok) {
      findings.push(...resolved.findings.map(({ at, message }) => ({ at: [index, 'profile', ...at], message })));
    }
    if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count > MOST_SERVERS) {
      const message = `count: expected an integer from 1 to ${MOST_SERVERS}, got ${JSON.stringify(count)}`;
      findings.push({ at: [index, 'count'], message });
    } else if (resolved.ok) {
      for (let n = 0; n < count; n += 1) profiles.push(resolved.profile);
    }
  }
  if (profiles.length > MOST_SERVERS) {
    findings.push({ at: [], message: `together more than ${MOST_SERVERS} servers` });
  }
  return findings;
}
