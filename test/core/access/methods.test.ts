import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ACTIONS, METHODS, ROLE_TABLE, rolesWith } from '../../../src/core/access/index.ts';
import { ROLES } from '../../../src/core/policy/index.ts';

const PROTO = resolve(import.meta.dirname, '../../../proto/loadline');

type Method = { readonly name: string; readonly streaming: boolean; readonly request: string; readonly text: string };

/** Every method of every service in the proto files. */
function methods(): readonly Method[] {
  return readdirSync(PROTO, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.proto'))
    .flatMap((name) => {
      const text = readFileSync(join(PROTO, name), 'utf8');
      const [, scope] = /^package ([\w.]+);/m.exec(text) ?? [];
      return [...text.matchAll(/^service (\w+) \{\n(.*?)^\}/gms)].flatMap(([, service, body = '']) =>
        [...body.matchAll(/rpc (\w+)\((stream )?(\w+)\) returns \((stream )?/g)].map(
          ([, rpc, inwards, request = '', outwards]) => ({
            name: `${scope}.${service}/${rpc}`,
            streaming: inwards !== undefined || outwards !== undefined,
            request,
            text,
          }),
        ),
      );
    });
}

describe('the table of methods', () => {
  it('has every method of the API, and no other', () => {
    expect(methods().length).toBeGreaterThan(4);
    expect(Object.keys(METHODS).sort()).toEqual(
      methods()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it('judges by fields that the requests have', () => {
    for (const { name, request, text } of methods()) {
      const scope = METHODS[name]?.scope;
      if (scope?.kind !== 'Service' && scope?.kind !== 'Node') continue;
      const [, body = ''] = new RegExp(`^message ${request} \\{(.*?)^\\}`, 'ms').exec(text) ?? [];
      const fields = scope.kind === 'Node' && scope.group !== undefined ? [scope.field, scope.group] : [scope.field];
      for (const field of fields)
        expect(body, `${name} ${field}`).toMatch(new RegExp(`^ {2}string ${field} = \\d+;`, 'm'));
    }
  });
});

describe('the table of roles', () => {
  it('has every role, and each action has somebody who may do it', () => {
    expect(Object.keys(ROLE_TABLE)).toEqual([...ROLES]);
    for (const action of Object.keys(ACTIONS) as (keyof typeof ACTIONS)[]) {
      expect(rolesWith(action).length, action).toBeGreaterThan(0);
      expect(rolesWith(action), action).toContain('Admin');
    }
  });

  it('lets each role from Viewer on do what those before it may', () => {
    const [, ...people] = ROLES;
    for (const [at, role] of people.entries()) {
      for (const lesser of people.slice(0, at))
        expect(ROLE_TABLE[role].actions).toEqual(expect.arrayContaining([...ROLE_TABLE[lesser].actions]));
    }
  });
});
