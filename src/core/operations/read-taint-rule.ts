import { parseDurationMs, type Result } from '../../base/units/index.ts';
import type { TaintRule } from './taint-rules.ts';

/** `off`: a taint with that key is no notice. */
export type OwnTaint =
  | { readonly kind: 'Rule'; readonly rule: TaintRule }
  | { readonly kind: 'Off'; readonly key: string };

const DEFAULT_LEFT_MS = 120_000;
/** The server takes notices of the next day alone. */
const MAX_LEFT_MS = 24 * 3_600_000;
/** As the API server has them: a prefix that is a name in DNS, and a name of at most 63 characters. */
const PREFIX = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

/** `KEY`, `KEY=VALUE`, `KEY:5m`, `KEY=VALUE:5m`, `KEY:off`. Issues are `Invalid`. */
export function readTaintRule(text: string): Result<OwnTaint> {
  const colon = text.lastIndexOf(':');
  const [taint, ending] = colon === -1 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  const equals = taint.indexOf('=');
  const [key, value] = equals === -1 ? [taint, undefined] : [taint.slice(0, equals), taint.slice(equals + 1)];
  if (!isKey(key)) return invalid('expected the key of a taint, such as example.com/goes-away');
  if (value !== undefined && !NAME.test(value)) return invalid(`'${value.slice(0, 80)}' is no value of a taint`);
  if (ending === 'off') {
    if (value !== undefined) return invalid('off is for a key, with all its values');
    return { ok: true, value: { kind: 'Off', key }, warnings: [] };
  }
  const leftMs = ending === undefined ? DEFAULT_LEFT_MS : parseDurationMs(ending);
  if (leftMs === undefined || leftMs > MAX_LEFT_MS)
    return invalid('expected after the colon how long the machine still runs, 0s to 24h, such as 2m; or off');
  const rule = { key, ...(value === undefined ? {} : { value }), leftMs, source: '--taint' };
  return { ok: true, value: { kind: 'Rule', rule }, warnings: [] };
}

function isKey(key: string): boolean {
  const slash = key.indexOf('/');
  return slash === -1 ? NAME.test(key) : PREFIX.test(key.slice(0, slash)) && NAME.test(key.slice(slash + 1));
}

function invalid(message: string): Result<never> {
  return { ok: false, issues: [{ code: 'Invalid', path: '', message }] };
}
