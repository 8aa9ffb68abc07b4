/** An IP address as a number, so that ranges are arithmetic and every spelling of an address is one value. */
export type Ip = { readonly bits: 32 | 128; readonly value: bigint };

/** The addresses that share the first `prefix` bits. */
export type IpRange = { readonly bits: 32 | 128; readonly value: bigint; readonly prefix: number };

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/**
 * `10.0.0.1` or `fe80::1`, also with a zone (`%eth0`), which is left out. Undefined for anything else: the odd forms of IPv4
 * (`0x7f.1`, `2130706433`) are for the URL parser to resolve first.
 */
export function parseIp(text: string): Ip | undefined {
  if (IPV4.test(text)) {
    return { bits: 32, value: text.split('.').reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n) };
  }
  const plain = text.replace(/%[\w.-]{1,32}$/, '');
  if (!/^[0-9a-fA-F:.]{2,45}$/.test(plain) || !plain.includes(':') || !URL.canParse(`http://[${plain}]/`)) {
    return undefined;
  }
  const [head = '', tail] = new URL(`http://[${plain}]/`).hostname.slice(1, -1).split('::');
  const groups = (part: string): readonly string[] => (part === '' ? [] : part.split(':'));
  const first = groups(head);
  const last = groups(tail ?? '');
  const all = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => '0'), ...last];
  return { bits: 128, value: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) };
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. Undefined when it is none, or when bits beyond the prefix are set. */
export function parseIpRange(text: string): IpRange | undefined {
  const [address = '', length, ...more] = text.split('/');
  const ip = address.includes('%') ? undefined : parseIp(address);
  if (ip === undefined || more.length > 0) return undefined;
  if (length !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefix = length === undefined ? ip.bits : Number(length);
  if (prefix > ip.bits) return undefined;
  const range = { ...ip, prefix };
  return (ip.value & suffixMask(range)) === 0n ? range : undefined;
}

export function inRange(ip: Ip, range: IpRange): boolean {
  return ip.bits === range.bits && (ip.value ^ range.value) >> BigInt(range.bits - range.prefix) === 0n;
}

/**
 * The IPv4 address that a packet to this IPv6 address may end at: IPv4-mapped, IPv4-compatible, NAT64 and 6to4.
 * Undefined where there is none.
 */
export function embeddedIpv4({ bits, value }: Ip): Ip | undefined {
  if (bits === 32) return undefined;
  const low: Ip = { bits: 32, value: value & 0xffff_ffffn };
  const high = value >> 32n;
  if (high === 0xffffn || high === 0x64_ff9b_0000_0000_0000_0000n) return low;
  // `::` and `::1` are addresses of their own.
  if (high === 0n && value > 1n) return low;
  return value >> 112n === 0x2002n ? { bits: 32, value: (value >> 80n) & 0xffff_ffffn } : undefined;
}

function suffixMask({ bits, prefix }: IpRange): bigint {
  return (1n << BigInt(bits - prefix)) - 1n;
}
