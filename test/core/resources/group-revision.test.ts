import { describe, expect, it } from 'vitest';
import { groupRevision, type Policy } from '../../../src/core/policy/index.ts';
import { compileRuntime, compileStructure } from '../../../src/core/resources/index.ts';
import { group, loaded, service, textOf } from '../policy/load.ts';

type Path = readonly (string | number)[];

const GROUP = 'chat-clients';

/** Everything that the policy language knows, and beside it what another group alone has. */
function policy(): Policy {
  return loaded(textOf('test/core/policy/good/chat.yaml'), group('[other]', 'others'), service([], 'other'));
}

/** Of every number, word and flag in it; not of places in the text. */
function leavesOf(value: unknown, at: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [at];
  const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  return entries.flatMap(([key, member]) => (key === 'origin' ? [] : leavesOf(member, [...at, key])));
}

function changed(original: Policy, path: Path): Policy {
  const copy = structuredClone(original) as unknown as Record<string | number, unknown>;
  const last = path.at(-1) as string | number;
  const holder = path.slice(0, -1).reduce<Record<string | number, unknown>>((one, key) => one[key] as never, copy);
  const value = holder[last];
  holder[last] = typeof value === 'number' ? value + 1 : typeof value === 'boolean' ? !value : `${value}x`;
  return copy as unknown as Policy;
}

function bytesOf(of: Policy): readonly string[] {
  const found = of.groups.find(({ name }) => name === GROUP);
  if (found === undefined) return [];
  const options = { release: '1.40', listenerOverrides: {}, sidecars: 3 };
  const resources = [...compileStructure(of, found, options), ...compileRuntime(of, found)];
  return resources.map(({ typeUrl, name, version }) => `${typeUrl} ${name} ${version}`);
}

describe('the revision of a group', () => {
  it('changes with everything that its sidecars are sent: where it stays, so do their bytes', () => {
    const original = policy();
    const [revision, bytes] = [groupRevision(original, GROUP), bytesOf(original)];
    expect(bytes.length).toBeGreaterThan(5);
    const elsewhere: string[] = [];
    for (const path of leavesOf(original)) {
      const other = changed(original, path);
      if (groupRevision(other, GROUP) !== revision) continue;
      elsewhere.push(path.join('.'));
      expect(bytesOf(other), path.join('.')).toEqual(bytes);
    }
    const others = original.services.findIndex(({ name }) => name === 'other');
    expect(elsewhere).toContain(`services.${others}.timeouts.connectMs`);
    expect(elsewhere).toContain('revision');
    const rollout = elsewhere.filter((path) => path.includes('.rollout.') || path.includes('.identities.'));
    expect(rollout.length).toBeGreaterThan(0);
  });

  it('is none where there is no such group', () => {
    expect(groupRevision(policy(), 'nobody')).toBe('');
  });
});
