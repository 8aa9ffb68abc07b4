import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { spiffeIdOf } from '../../../src/edge/tls/index.ts';

const ID = 'spiffe://mesh.example/ns/chat/sa/web';

describe('the SPIFFE ID of a certificate', () => {
  it.each([
    [`URI:${ID}`, ID],
    [`DNS:a.example, URI:${ID}, IP Address:10.0.0.1`, ID],
    ['URI:spiffe://mesh.example', 'spiffe://mesh.example'],
    ['email:a@b.example, URI:spiffe://a_b.c-d/x_y.z-0', 'spiffe://a_b.c-d/x_y.z-0'],
  ])('is the one URI name: %s', (names, id) => {
    expect(spiffeIdOf(names)).toBe(id);
  });

  it.each([
    ['no names at all', undefined],
    ['an empty text', ''],
    ['no URI', 'DNS:a.example'],
    ['two URIs, also when one is no SPIFFE ID', `URI:${ID}, URI:https://a.example/`],
    ['the same URI twice', `URI:${ID}, URI:${ID}`],
    ['another scheme', 'URI:https://mesh.example/ns/chat'],
    ['an upper case trust domain', 'URI:spiffe://Mesh.example/a'],
    ['a port', 'URI:spiffe://mesh.example:8443/a'],
    ['a user', 'URI:spiffe://a@mesh.example/a'],
    ['a query', 'URI:spiffe://mesh.example/a?b'],
    ['a fragment', 'URI:spiffe://mesh.example/a#b'],
    ['a slash at the end', 'URI:spiffe://mesh.example/a/'],
    ['an empty segment', 'URI:spiffe://mesh.example/a//b'],
    ['a way up', 'URI:spiffe://mesh.example/ns/chat/sa/../../other'],
    ['a dot', 'URI:spiffe://mesh.example/./a'],
    ['a percent', 'URI:spiffe://mesh.example/a%2fb'],
    ['a star, which is for policies', 'URI:spiffe://mesh.example/*'],
    ['no trust domain', 'URI:spiffe:///a'],
    ['more than 2048 characters', `URI:spiffe://mesh.example/${'a'.repeat(2048)}`],
    ['a URI inside of a DNS name', `DNS:"a, URI:${ID}"`],
    ['a URI that Node had to quote', 'URI:"spiffe://mesh.example/a, URI:x"'],
    ['text that is no list of names', `${ID}`],
  ])('is nobody with %s', (_, names) => {
    expect(spiffeIdOf(names)).toBeUndefined();
  });

  it('never comes out of a DNS name or a mail address, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        // As Node prints it: quoted when there is anything special in it.
        const printed = /[",\\]/.test(name) || /[^ -~]/.test(name) ? JSON.stringify(name) : name;
        expect(spiffeIdOf(`DNS:${printed}`)).toBeUndefined();
        expect(spiffeIdOf(`DNS:${printed}, URI:${ID}`)).toBe(ID);
      }),
    );
  });

  it('takes garbage for nobody, at once', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5000 }), (text) => {
        const id = spiffeIdOf(text);
        expect(id === undefined || text.includes(id)).toBe(true);
      }),
    );
    expect(spiffeIdOf(`URI:"${'\\'.repeat(100_000)}`)).toBeUndefined();
  });
});
