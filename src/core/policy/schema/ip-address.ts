import type { z } from 'zod';
import { readText } from './shape.ts';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/**
 * An IP address in the one spelling that Envoy reports back (RFC 5952): endpoints are told apart by it. Undefined when
 * the text is none. IPv4-mapped IPv6 addresses are refused, because Envoy spells them in two ways.
 */
export function canonicalAddress(text: string): string | undefined {
  if (IPV4.test(text)) return text;
  if (!/^[0-9a-fA-F:]+(\.\d+){0,3}$/.test(text) || !text.includes(':') || text.length > 45) return undefined;
  if (!URL.canParse(`http://[${text}]/`)) return undefined;
  const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  return /^::ffff:[0-9a-f]+:[0-9a-f]+$/.test(canonical) ? undefined : canonical;
}

/** `Listen` also takes the wildcard addresses; a server cannot be reached there. */
export function ipAddress(kind: 'Listen' | 'Connect'): z.ZodType<string> {
  const phrase = kind === 'Listen' ? 'an IP address to listen on, such as 127.0.0.1' : 'an IP address of a server';
  return readText(
    phrase,
    (text) => {
      const address = canonicalAddress(text);
      return kind === 'Connect' && (address === '0.0.0.0' || address === '::') ? undefined : address;
    },
    (text) => {
      if (text === 'localhost') return 'write 127.0.0.1';
      if (/^::ffff:[\d.]+$/i.test(text)) return `write ${text.slice(7)}`;
      if (/^[\d.]+:\d+$/.test(text)) return 'the port has its own key';
      if (/^0+\.0+\.0+\.0+$/.test(text)) return 'that address is only for listening';
      if (kind === 'Connect' && /^[a-z0-9.-]+$/i.test(text) && /[a-z]/i.test(text)) {
        return `Envoy takes no host names here; write endpoints: { dns: { name: ${text}, port: … } }`;
      }
      return undefined;
    },
    {
      pattern: `^${kind === 'Connect' ? '(?!(?:0\\.0\\.0\\.0|::)$)' : ''}(?:${IPV4.source.slice(1, -1)}|(?=.*:)[0-9a-fA-F:.]{2,45})$`,
    },
  );
}
