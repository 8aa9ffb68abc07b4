import { embeddedIpv4, type IpRange, inRange, parseIp, parseIpRange, type Result } from '../../base/units/index.ts';

/** Hosts that may be asked, where the operator names them. */
export type AllowList = {
  /** `prometheus.example`, or `.example` for every name below it. */
  readonly names: readonly string[];
  readonly ranges: readonly IpRange[];
};

const NAME = /^(?:\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const EXPECTED = 'expected a host name, *.SUFFIX, an IP address or a range such as 10.0.0.0/8';

/** Entries as the operator writes them: `prometheus.example`, `*.example`, `10.0.0.7`, `10.0.0.0/8`. */
export function parseAllowList(entries: readonly string[]): Result<AllowList> {
  const names: string[] = [];
  const ranges: IpRange[] = [];
  for (const entry of entries) {
    const range = parseIpRange(entry);
    if (range !== undefined) ranges.push(range);
    else if (NAME.test(entry) && entry.length <= 253 && !isNumeric(entry)) names.push(entry.replace(/^\*/, ''));
    else {
      const why = entry.includes('/') ? `${EXPECTED}, without bits beyond its prefix` : EXPECTED;
      return { ok: false, issues: [{ code: 'ADDRESS', path: '', message: `${JSON.stringify(entry)}: ${why}` }] };
    }
  }
  return { ok: true, value: { names, ranges }, warnings: [] };
}

/** Whether the host of a URL is named; its addresses do not matter then. */
export function allowsName({ names }: AllowList, host: string): boolean {
  const plain = host.replace(/\.$/, '');
  return names.some((name) => (name.startsWith('.') ? plain.endsWith(name) && plain !== name : plain === name));
}

export function allowsAddress({ ranges }: AllowList, address: string): boolean {
  const ip = parseIp(address);
  if (ip === undefined) return false;
  const inner = embeddedIpv4(ip);
  return ranges.some((range) => inRange(ip, range) || (inner !== undefined && inRange(inner, range)));
}

/** `10.0.0.256` and `10.1` would be read as names that nobody has. */
function isNumeric(entry: string): boolean {
  return /^[\d.]+$/.test(entry);
}
