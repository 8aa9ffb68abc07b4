import { type Issue, parseDurationMs, type Result } from '../../base/units/index.ts';
import { HOSTILE_PAGES, type HostilePage } from './hostile-page.ts';
import type { GpuMode } from './server-profile.ts';

/**
 * What is wrong with a server, as `POST /servers/{i}/fault` takes it. A fault replaces the one before it; `{}` heals.
 */
export type Fault = {
  /** Factor on the server's speed, 0 to 10; the SM clock follows it. 0: no progress, metrics alive. */
  readonly speed?: number;
  /** Closes the listener and all connections and loses all requests; healing opens the same port again. */
  readonly crash?: boolean;
  /** The engine is wedged: no progress, no request accepted, its metrics stand still. */
  readonly freeze?: boolean;
  /** Share of the requests that are answered 503 at once. */
  readonly failRatio?: number;
  /** Share of the capacity that requests of other tenants take. */
  readonly foreignLoad?: number;
  /** A duration: so long nothing is accepted or produced, metrics are zero, `/health` says 503. Ends by itself. */
  readonly coldStart?: string;
  /**
   * A duration: a server that had no request for so long has gone to sleep, and the first one after that waits until it is awake, for
   * `coldStart` (which begins then and not now). It says that it is well meanwhile.
   */
  readonly coldAfter?: string;
  readonly gpu?: GpuMode;
  /** A duration: the collect interval of the GPU exporter. */
  readonly gpuPeriod?: string;
  /** The last XID that the GPU exporter tells of. */
  readonly gpuXid?: number;
  /** The GPU exporter tells of thermal throttling; the clock follows `speed`, as ever. */
  readonly gpuThrottle?: boolean;
  /** What the engine's metrics page does to its reader. */
  readonly metrics?: HostilePage;
  /** The same for the GPU exporter's page. */
  readonly gpuMetrics?: HostilePage;
};

type Rule = { readonly allowed: string; readonly accepts: (value: unknown) => boolean };

/** A period shorter than this would only burn CPU. */
const SHORTEST_PERIOD_MS = 50;
/** What a timer can count. */
const LONGEST_MS = 2 ** 31 - 1;

const ratio: Rule = { allowed: 'a number from 0 to 1', accepts: (value) => isNumber(value, 0, 1) };
const flag: Rule = { allowed: 'true or false', accepts: (value) => typeof value === 'boolean' };

const RULES: Readonly<Record<keyof Fault, Rule>> = {
  speed: { allowed: 'a number from 0 to 10', accepts: (value) => isNumber(value, 0, 10) },
  crash: flag,
  freeze: flag,
  failRatio: ratio,
  foreignLoad: ratio,
  coldStart: duration(0),
  coldAfter: duration(0),
  gpu: oneOf(['Honest', 'Pinned']),
  gpuPeriod: duration(SHORTEST_PERIOD_MS),
  gpuXid: { allowed: 'a code from 0 to 1000', accepts: (value) => isNumber(value, 0, 1000) && Number.isInteger(value) },
  gpuThrottle: flag,
  metrics: oneOf(HOSTILE_PAGES),
  gpuMetrics: oneOf(HOSTILE_PAGES),
};

/** Checks what came in over HTTP or through the API. Every issue says what is allowed. */
export function parseFault(input: unknown): Result<Fault> {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    return { ok: false, issues: [issue('', `a fault is an object with any of ${keys()}; {} heals`)] };
  }
  const issues: Issue[] = [];
  for (const [key, value] of Object.entries(input)) {
    const rule = Object.hasOwn(RULES, key) ? RULES[key as keyof Fault] : undefined;
    if (rule === undefined) issues.push(issue(key, `unknown key "${key}"; allowed are ${keys()}`));
    else if (!rule.accepts(value))
      issues.push(issue(key, `${key}: expected ${rule.allowed}, got ${JSON.stringify(value)}`));
  }
  const { coldAfter, coldStart } = input as Fault;
  if (coldAfter !== undefined && coldStart === undefined)
    issues.push(issue('coldAfter', 'coldAfter: expected coldStart beside it, which says how long waking takes'));
  return issues.length > 0 ? { ok: false, issues } : { ok: true, value: input as Fault, warnings: [] };
}

function issue(path: string, message: string): Issue {
  return { code: 'lab.fault', path, message };
}

function keys(): string {
  return Object.entries(RULES)
    .map(([key, { allowed }]) => `${key} (${allowed})`)
    .join(', ');
}

function duration(leastMs: number): Rule {
  return {
    allowed: `a duration such as "18s" or "500ms"${leastMs > 0 ? `, at least ${leastMs}ms` : ''}`,
    accepts: (value) => {
      const ms = typeof value === 'string' ? parseDurationMs(value) : undefined;
      return ms !== undefined && ms >= leastMs && ms <= LONGEST_MS;
    },
  };
}

function oneOf(words: readonly string[]): Rule {
  return {
    allowed: words.map((word) => `"${word}"`).join(' or '),
    accepts: (value) => words.includes(value as string),
  };
}

function isNumber(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && value >= least && value <= most;
}
