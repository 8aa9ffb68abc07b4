import { isIPv4, isIPv6 } from 'node:net';

/**
 * The one spelling of an IP address, the one that `inet_ntop` gives and with which Envoy reports load: the key of an
 * endpoint must not depend on how a person wrote it. IPv4 in IPv6 clothes becomes IPv4, which is what is connected to.
 *
 * @returns undefined when the text is no IP address (a name, or one with a zone, which EDS cannot carry).
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const address = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (mapped === null) return address;
  const [high, low] = [Number.parseInt(mapped[1] as string, 16), Number.parseInt(mapped[2] as string, 16)];
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
