import { embeddedIpv4, type Ip, type IpRange, inRange, parseIp, parseIpRange } from './ip-range.ts';

/**
 * Where nothing that Loadline reads can be, and where asking does harm: whoever may write a URL into a policy must not make
 * the server fetch credentials of its machine. Loopback and private ranges are not here, because model servers live there.
 */
const FORBIDDEN: readonly { readonly range: IpRange; readonly why: string }[] = [
  forbidden('0.0.0.0/8', 'an address of no host'),
  forbidden('169.254.0.0/16', 'link-local, where clouds hand out credentials'),
  forbidden('100.100.100.200', 'the metadata service of a cloud'),
  forbidden('168.63.129.16', 'the metadata service of a cloud'),
  forbidden('192.0.0.192', 'the metadata service of a cloud'),
  forbidden('224.0.0.0/4', 'multicast'),
  forbidden('240.0.0.0/4', 'reserved or broadcast'),
  forbidden('::', 'an address of no host'),
  forbidden('fe80::/10', 'link-local'),
  forbidden('fd00:ec2::254', 'the metadata service of a cloud'),
  forbidden('fd20:ce::254', 'the metadata service of a cloud'),
  forbidden('ff00::/8', 'multicast'),
];

/**
 * Why a host is never asked; undefined where it may be. Takes an address, or the host name of a parsed URL (brackets and
 * all). Names are for whoever resolves them: each address that they stand for is asked about here.
 */
export function forbiddenHost(host: string): string | undefined {
  const ip = parseIp(host.replace(/^\[|\]$/g, ''));
  return ip === undefined ? undefined : (forbiddenIp(ip) ?? forbiddenIp(embeddedIpv4(ip)));
}

function forbiddenIp(ip: Ip | undefined): string | undefined {
  return ip === undefined ? undefined : FORBIDDEN.find(({ range }) => inRange(ip, range))?.why;
}

function forbidden(text: string, why: string): { readonly range: IpRange; readonly why: string } {
  const range = parseIpRange(text);
  if (range === undefined) throw new Error(`${text} is no range`);
  return { range, why };
}
