import { isIP, SocketAddress } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress } from '../../../src/edge/discovery/index.ts';

describe('the canonical address', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:0DB8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:0a00:0001', '10.0.0.1'],
  ])('of %s is %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    '',
    'localhost',
    '10.0.0',
    '010.0.0.1',
    '256.0.0.1',
    '[::1]',
    'fe80::1%eth0',
    '10.0.0.1:80',
    ' 10.0.0.1',
  ])('is none of %j', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  it('is one for all spellings of an address, and is its own canonical address', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    });
    fc.assert(
      fc.property(groups, (parts) => {
        const long = parts.map((part) => part.toString(16).padStart(4, '0').toUpperCase()).join(':');
        const short = parts.map((part) => part.toString(16)).join(':');
        const canonical = canonicalAddress(long) as string;
        expect(isIP(canonical)).toBeGreaterThan(0);
        expect(canonicalAddress(short)).toBe(canonical);
        expect(canonicalAddress(canonical)).toBe(canonical);
        // The platform's own spelling agrees, but for addresses that embed IPv4.
        if (parts.slice(0, 5).some((part) => part !== 0)) {
          expect(new SocketAddress({ address: long, family: 'ipv6' }).address).toBe(canonical);
        }
      }),
    );
  });
});
