import { parseDurationMs } from '../../base/units/index.ts';
import {
  type GpuMode,
  type HeadersMode,
  KV_TOKENS_PER_SLOT,
  PROFILES,
  type ServerProfile,
  STANDARD_PROFILE,
} from './server-profile.ts';

/** A profile as people write it: any part of it over the profile named by `base` (default `standard`). */
export type ProfileInput = {
  readonly base?: string;
  readonly name?: string;
  readonly model?: string;
  readonly slots?: number;
  readonly stepMs?: number;
  readonly bend?: number;
  readonly prefillTokensPerSec?: number;
  /** Default: in proportion to `slots` when those are given. */
  readonly kvTokens?: number;
  readonly speed?: number;
  readonly queueLimit?: number;
  readonly queueFullStatus?: 429 | 503;
  readonly headers?: HeadersMode;
  readonly tokensPerEvent?: number;
  readonly dcgm?: 1 | 2;
  readonly gpuMode?: GpuMode;
  /** A duration: `30s`. */
  readonly gpuPeriod?: string;
  readonly gpuModel?: string;
  readonly gpuMemoryMib?: number;
  readonly smClockMhz?: number;
};

/** One thing wrong with a profile, and where: the keys that lead to it. */
export type Finding = { readonly at: readonly (string | number)[]; readonly message: string };

export type ResolvedProfile =
  | { readonly ok: true; readonly profile: ServerProfile }
  | { readonly ok: false; readonly findings: readonly Finding[] };

type Rule = { readonly allowed: string; readonly accepts: (value: unknown) => boolean };

const SHORTEST_PERIOD_MS = 50;
const LONGEST_PERIOD_MS = 3_600_000;

const text: Rule = {
  allowed: 'a text of 1 to 100 characters',
  accepts: (value) => typeof value === 'string' && value.length > 0 && value.length <= 100,
};

const RULES: Readonly<Record<keyof ProfileInput, Rule>> = {
  base: oneOf(Object.keys(PROFILES)),
  name: text,
  model: text,
  slots: integer(1, 4096),
  stepMs: number(1, 60_000),
  bend: number(0, 100),
  prefillTokensPerSec: number(1, 100_000_000),
  kvTokens: integer(16, 1_000_000_000),
  speed: number(0.01, 10),
  queueLimit: integer(0, 1_000_000),
  queueFullStatus: oneOf([429, 503]),
  headers: oneOf(['Immediate', 'FirstToken']),
  tokensPerEvent: integer(1, 32),
  dcgm: oneOf([1, 2]),
  gpuMode: oneOf(['Honest', 'Pinned']),
  gpuPeriod: {
    allowed: 'a duration from 50ms to 1h, such as "30s"',
    accepts: (value) => {
      const ms = typeof value === 'string' ? parseDurationMs(value) : undefined;
      return ms !== undefined && ms >= SHORTEST_PERIOD_MS && ms <= LONGEST_PERIOD_MS;
    },
  },
  gpuModel: text,
  gpuMemoryMib: integer(1, 100_000_000),
  smClockMhz: number(1, 10_000),
};

/** `input` is the name of a profile or a {@link ProfileInput}; every finding says what is allowed. */
export function resolveProfile(input: unknown, defaults: ProfileInput = {}): ResolvedProfile {
  if (typeof input === 'string') return resolveProfile({ base: input }, defaults);
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const names = Object.keys(PROFILES).join(', ');
    return { ok: false, findings: [{ at: [], message: `expected a profile name (${names}) or a mapping` }] };
  }
  const findings: Finding[] = [];
  for (const [key, value] of Object.entries(input)) {
    const rule = Object.hasOwn(RULES, key) ? RULES[key as keyof ProfileInput] : undefined;
    if (rule === undefined) {
      findings.push({ at: [key], message: `unknown key "${key}"; allowed are ${Object.keys(RULES).join(', ')}` });
    } else if (!rule.accepts(value)) {
      findings.push({ at: [key], message: `${key}: expected ${rule.allowed}, got ${JSON.stringify(value)}` });
    }
  }
  if (findings.length > 0) return { ok: false, findings };
  const { base, gpuPeriod, ...own } = { ...defaults, ...(input as ProfileInput) };
  const from = base === undefined ? STANDARD_PROFILE : (PROFILES[base] as ServerProfile);
  const kvTokens = own.kvTokens ?? (own.slots === undefined ? from.kvTokens : own.slots * KV_TOKENS_PER_SLOT);
  const gpuPeriodMs = (gpuPeriod === undefined ? undefined : parseDurationMs(gpuPeriod)) ?? from.gpuPeriodMs;
  return { ok: true, profile: { ...from, ...own, kvTokens, gpuPeriodMs } };
}

function number(least: number, most: number): Rule {
  return {
    allowed: `a number from ${least} to ${most}`,
    accepts: (value) => typeof value === 'number' && value >= least && value <= most,
  };
}

function integer(least: number, most: number): Rule {
  const { accepts } = number(least, most);
  return {
    allowed: `an integer from ${least} to ${most}`,
    accepts: (value) => Number.isInteger(value) && accepts(value),
  };
}

function oneOf(values: readonly (string | number)[]): Rule {
  return {
    allowed: values.map((value) => JSON.stringify(value)).join(' or '),
    accepts: (value) => values.includes(value as string | number),
  };
}
