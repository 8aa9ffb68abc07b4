import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identities, type SidecarGroup } from '../../../src/core/policy/index.ts';

type Patterns = Readonly<Record<string, readonly string[]>>;

function identities(groups: Patterns): Identities {
  const made = Object.entries(groups).map(([name, patterns]) => ({ name, identities: patterns }));
  return new Identities({ groups: made as unknown as readonly SidecarGroup[] });
}

describe('who may join a group', () => {
  const some = identities({
    web: ['spiffe://mesh.example/ns/web/sa/front', 'spiffe://mesh.example/ns/all'],
    chat: ['spiffe://mesh.example/ns/chat/sa/*', 'spiffe://mesh.example/ns/all'],
    closed: [],
  });

  it.each([
    ['spiffe://mesh.example/ns/web/sa/front', ['web']],
    ['spiffe://mesh.example/ns/web/sa/fronts', []],
    ['spiffe://mesh.example/ns/web/sa', []],
    ['spiffe://mesh.example/ns/chat/sa/a', ['chat']],
    ['spiffe://mesh.example/ns/chat/sa/a/b', ['chat']],
    ['spiffe://mesh.example/ns/chat/sa', []],
    ['spiffe://mesh.example/ns/chat/sa/', []],
    ['spiffe://mesh.example/ns/chat/sab/a', []],
    ['spiffe://mesh.example.evil/ns/chat/sa/a', []],
    ['spiffe://mesh.example/ns/all', ['chat', 'web']],
    ['', []],
  ])('%s: %j', (id, groups) => {
    expect(some.groupsOf(id)).toEqual(groups);
  });

  it('is what reading each pattern in turn says', () => {
    const segment = fc.constantFrom('a', 'b', 'ab');
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `spiffe://t/${parts.join('/')}`);
    const pattern = fc.tuple(path, fc.boolean()).map(([text, below]) => (below ? `${text}/*` : text));
    const groups = fc.dictionary(fc.constantFrom('x', 'y', 'z'), fc.array(pattern, { maxLength: 4 }), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(groups, path, (made, id) => {
        expect(identities(made).groupsOf(id)).toEqual(dumb(made, id));
      }),
    );
  });
});

function dumb(groups: Patterns, id: string): readonly string[] {
  const allows = (pattern: string): boolean =>
    pattern.endsWith('*') ? new RegExp(`^${pattern.slice(0, -1).replaceAll('.', '\\.')}.+$`).test(id) : pattern === id;
  return Object.keys(groups)
    .filter((name) => groups[name]?.some(allows))
    .sort();
}
