import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { LoadlineError } from '../../base/errors.ts';
import type { Policy } from '../../core/policy/index.ts';
import type { RehearsalSpec } from '../../lab/rehearse/index.ts';
import type { Arm } from '../../lab/simulate/index.ts';
import { type Io, type OutputFormat, printValue, table } from '../io.ts';

/** Those of `loadline simulate -f`. */
export type RehearseFlags = {
  readonly file?: readonly string[];
  readonly service?: string;
  readonly weights?: 'Active' | 'Shadow' | 'Disabled';
  readonly trace?: string;
  readonly speed?: number;
  readonly rate?: number;
  readonly load?: number;
  readonly burst?: string;
  readonly profile?: string;
  readonly endpoints?: Readonly<Record<string, number>>;
  readonly sidecars?: number;
  readonly workers?: number;
  readonly crossZone?: number;
  readonly duration?: number;
  readonly warmUp?: number;
  readonly ttft?: number;
  readonly tpot?: number;
  readonly fault?: readonly string[];
  readonly autoscaler?: string;
  readonly timeline?: string;
  readonly seeds: number;
  readonly firstSeed: number;
  readonly arm: readonly Arm[];
  readonly json?: string;
  readonly output: OutputFormat;
};

/** A service of the user's policy on the user's traffic and fleet, with what the user wants to go wrong. */
export async function rehearse(io: Io, paths: readonly string[], flags: RehearseFlags): Promise<void> {
  // First, so that a bad policy costs no more, and that nothing is still being loaded when it is refused.
  const policy = await readPolicy(io, paths);
  const [{ planRehearsal, readTexts, runRehearsal, sections, timeline }, { readTrace }, { readFleet }] =
    await Promise.all([
      import('../../lab/rehearse/index.ts'),
      import('../../lab/traffic/index.ts'),
      import('../../lab/modelserver/index.ts'),
    ]);
  const { burst, autoscaler, fault: faults, trace, profile, arm: arms, firstSeed } = flags;
  const rehearsal = planRehearsal({
    ...specOf(flags),
    ...readTexts({ burst, autoscaler, faults }),
    policy,
    ...(trace === undefined ? {} : { trace: { file: trace, rows: readTrace(trace) } }),
    ...(profile === undefined ? {} : { profiles: await readFleet(profile) }),
  });
  const seeds = Array.from({ length: flags.seeds }, (_, at) => firstSeed + at);
  const beganMs = performance.now();
  const { report, runs } = runRehearsal(rehearsal, {
    arms,
    seeds,
    onRun: (arm, seed) => io.err(`simulate: ${arm}, seed ${seed}\n`),
  });
  const tookSec = (performance.now() - beganMs) / 1000;
  if (flags.output === 'table') {
    const parts = sections(report).map((part) => ('head' in part ? table(part.head, part.rows) : part.join('\n')));
    io.out(`${parts.filter((part) => part !== '').join('\n\n')}\n`);
  } else printValue(io, flags.output, report);
  const requests = [...runs.values()].flat().reduce((sum, { outcome }) => sum + outcome.requests, 0);
  io.err(`simulate: ${requests} requests in ${tookSec.toFixed(1)} s\n`);
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  if (flags.timeline !== undefined) writeLines(flags.timeline, timeline(report, runs));
}

async function readPolicy(io: Io, paths: readonly string[]): Promise<Policy> {
  const [{ readPolicyFiles }, { formatIssue, loadPolicy }] = await Promise.all([
    import('../../edge/store/index.ts'),
    import('../../core/policy/index.ts'),
  ]);
  const files = paths.flatMap((path) => {
    const read = readPolicyFiles(path);
    if (!read.ok) throw new LoadlineError('LOADLINE_POLICY_UNUSABLE', read.reason);
    return read.files;
  });
  const result = loadPolicy(files);
  if (!result.ok) throw new LoadlineError('LOADLINE_POLICY_UNUSABLE', result.issues.map(formatIssue).join('\n'));
  for (const issue of result.warnings) io.err(`warning ${formatIssue(issue)}\n`);
  return result.value;
}

function specOf(flags: RehearseFlags): RehearsalSpec {
  const { service, weights, speed, rate, load, endpoints, sidecars, workers, duration, warmUp, ttft, tpot } = flags;
  const given = {
    service,
    weights,
    speed,
    ratePerSec: rate,
    load,
    endpoints,
    sidecars,
    workers,
    crossZoneMs: flags.crossZone,
    durationMs: duration,
    warmUpMs: warmUp,
    ttftMs: ttft,
    tpotMs: tpot,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Line by line: hours of many endpoints are more than one string should hold. */
function writeLines(file: string, lines: Iterable<string>): void {
  const descriptor = openSync(file, 'w');
  try {
    for (const line of lines) writeSync(descriptor, `${line}\n`);
  } finally {
    closeSync(descriptor);
  }
}
