import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { embeddedIpv4, forbiddenHost, inRange, parseIp, parseIpRange } from '../../../src/base/units/index.ts';

const hostOf = (url: string): string => new URL(url).hostname;

describe('hosts that are never asked', () => {
  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://169.254.0.1/',
    'http://0xa9.0xfe.0xa9.0xfe/',
    'http://0xa9fea9fe/',
    'http://2852039166/',
    'http://0251.0376.0251.0376/',
    'http://169.254.43518/',
    'http://[::ffff:169.254.169.254]/',
    'http://[::169.254.169.254]/',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[2002:a9fe:a9fe::1]/',
    'http://[fe80::1]/',
    'http://[febf::1]/',
    'http://[fd00:ec2::254]/',
    'http://[FD00:0EC2:0:0:0:0:0:0254]/',
    'http://[ff02::1]/',
    'http://[::]/',
    'http://0.0.0.0/',
    'http://0/',
    'http://0.1.2.3/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://240.0.0.1/',
    'http://100.100.100.200/',
    'http://168.63.129.16/',
    'http://１６９.254.169.254/',
  ])('%s', (url) => {
    expect(forbiddenHost(hostOf(url))).toEqual(expect.any(String));
  });

  it.each([
    'http://127.0.0.1/',
    'http://0x7f.1/',
    'http://2130706433/',
    'http://[::1]/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://[fd00::1]/',
    'http://[2001:db8::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://169.253.255.255/',
    'http://169.255.0.0/',
    'http://223.255.255.255/',
    'http://1.0.0.0/',
    'http://[fec0::1]/',
    'http://prometheus.example/',
  ])('but %s may be', (url) => {
    expect(forbiddenHost(hostOf(url))).toBeUndefined();
  });

  it('takes an address of a socket with its zone', () => {
    expect(forbiddenHost('fe80::1%eth0')).toBe('link-local');
    expect(forbiddenHost('fd00::1%eth0')).toBeUndefined();
  });
});

describe('addresses and ranges', () => {
  it('agree with a dumb twin that compares bits as text', () => {
    const v4 = fc.nat(0xffff_ffff);
    const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
    const bits = (value: number) => value.toString(2).padStart(32, '0');
    fc.assert(
      fc.property(v4, v4, fc.integer({ min: 0, max: 32 }), (address, base, prefix) => {
        const start = prefix === 0 ? 0 : ((base >>> (32 - prefix)) << (32 - prefix)) >>> 0;
        const range = parseIpRange(`${dotted(start)}/${prefix}`)!;
        const near = prefix === 0 ? address : (start | (address & (2 ** (32 - prefix) - 1))) >>> 0;
        for (const one of [address, near]) {
          const expected = bits(one).slice(0, prefix) === bits(start).slice(0, prefix);
          expect(inRange(parseIp(dotted(one))!, range)).toBe(expected);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('read every spelling of an IPv6 address as one value', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 }), (groups) => {
        const value = groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n);
        const full = groups.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':');
        const short = new URL(`http://[${full}]/`).hostname.slice(1, -1);
        expect(parseIp(full)).toEqual({ bits: 128, value });
        expect(parseIp(short)).toEqual({ bits: 128, value });
      }),
      { numRuns: 500 },
    );
  });

  it('are none where the text is none, or says more than its prefix', () => {
    for (const text of [
      '',
      'a',
      '1.2.3',
      '1.2.3.256',
      '01.2.3.4',
      '1.2.3.4/',
      '::g',
      ':::',
      '1::2::3',
      '[::1]',
      '1.2.3.4%a',
    ])
      expect(parseIp(text), text).toBeUndefined();
    for (const text of [
      '10.0.0.1/8',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.0.0.0/-1',
      '::/129',
      'fe80::1%eth0/64',
      '10.0.0.0/8/8',
    ])
      expect(parseIpRange(text), text).toBeUndefined();
    expect(parseIpRange('10.0.0.7')).toMatchObject({ prefix: 32 });
    expect(embeddedIpv4(parseIp('::1')!)).toBeUndefined();
    expect(embeddedIpv4(parseIp('2001:db8::1')!)).toBeUndefined();
  });
});
