import { parseArgs } from 'node:util';
import { formatDuration, parseDurationMs } from '../../base/units/index.ts';

export type DemoOptions = {
  readonly durationMs: number;
  readonly warmUpMs: number;
  readonly seed: number;
  /** Of what the fleet can serve, before one GPU slows down. */
  readonly load: number;
  /** Per lane. */
  readonly sidecars: number;
  /** Speed of the slowed GPU, as a part of its own. */
  readonly step: number;
  /** Whether Loadline's policy gives `maxRunningRequests`; otherwise it has to learn how wide each server is. */
  readonly tellWidths: boolean;
  readonly jsonFile: string | undefined;
  readonly keep: boolean;
};

export type ParsedOptions =
  | { readonly kind: 'Run'; readonly options: DemoOptions }
  | { readonly kind: 'Help' }
  | { readonly kind: 'Usage'; readonly message: string };

const DEFAULTS = {
  duration: '180s',
  warmUp: '20s',
  seed: '1',
  load: '0.75',
  sidecars: '4',
  step: '0.5',
} as const;

/** Shorter and no phase is long enough to see a share settle; longer and the series would not be bounded. */
const DURATION_MS = { min: 15_000, max: 3_600_000 };
const WARM_UP_MS = { min: 0, max: 600_000 };

export const HELP: string = `Usage: npm run demo -- [options]

Two lanes with the same arrivals, side by side: Envoys with least_request and no Loadline, and Envoys fed by Loadline.
Each lane has eight simulated model servers of two GPU generations. At a third of the run one GPU of each lane slows
down, at two thirds it recovers.

  --duration TIME     length of the measured run, 15s to 1h (default ${DEFAULTS.duration})
  --warm-up TIME      traffic before the clock starts, so that batches are filled (default ${DEFAULTS.warmUp})
  --seed N            chooses where in the recorded trace the arrivals begin (default ${DEFAULTS.seed})
  --load RATIO        of what the fleet can serve, 0.05 to 1.2 (default ${DEFAULTS.load})
  --sidecars N        Envoys in each lane, 1 to 16 (default ${DEFAULTS.sidecars})
  --step RATIO        speed of the slowed GPU, 0.05 to 1 (default ${DEFAULTS.step})
  --tell-widths       give Loadline each server's batch limit (maxRunningRequests); it learns them otherwise
  --json FILE         write everything that was measured
  --keep              leave it running with traffic after the summary, until Ctrl-C
  --help

Exit code: 0 when every request of both lanes was served, 1 when a client met an error or the demo failed, 2 for wrong
usage. A request is good when its first token comes within 0.5 s of its scheduled arrival.
`;

/** Reads the command line of the demo; what is wrong with it comes back as a message for a person. */
export function parseOptions(args: readonly string[]): ParsedOptions {
  let values: ReturnType<typeof parseFlags>;
  try {
    values = parseFlags(args);
  } catch (error) {
    return { kind: 'Usage', message: error instanceof Error ? error.message : String(error) };
  }
  if (values.help === true) return { kind: 'Help' };

  const problems: string[] = [];
  const durationOf = (flag: string, text: string, bounds: { min: number; max: number }): number => {
    const ms = parseDurationMs(text);
    if (ms !== undefined && ms >= bounds.min && ms <= bounds.max) return ms;
    const range = `${formatDuration(bounds.min)} to ${formatDuration(bounds.max)}`;
    problems.push(`--${flag} takes a duration of ${range}, such as 180s or 3m; got '${text}'`);
    return 0;
  };
  const numberOf = (flag: string, text: string, min: number, max: number, whole: boolean): number => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max && (!whole || Number.isInteger(value))) return value;
    problems.push(`--${flag} takes a ${whole ? 'whole ' : ''}number from ${min} to ${max}; got '${text}'`);
    return 0;
  };
  const options: DemoOptions = {
    durationMs: durationOf('duration', values.duration, DURATION_MS),
    warmUpMs: durationOf('warm-up', values['warm-up'], WARM_UP_MS),
    seed: numberOf('seed', values.seed, 0, 4_294_967_295, true),
    load: numberOf('load', values.load, 0.05, 1.2, false),
    sidecars: numberOf('sidecars', values.sidecars, 1, 16, true),
    step: numberOf('step', values.step, 0.05, 1, false),
    tellWidths: values['tell-widths'],
    jsonFile: values.json,
    keep: values.keep,
  };
  return problems.length > 0 ? { kind: 'Usage', message: problems.join('\n') } : { kind: 'Run', options };
}

// The inferred type of parseArgs is the useful one; it is not exported.
function parseFlags(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      duration: { type: 'string', default: DEFAULTS.duration },
      'warm-up': { type: 'string', default: DEFAULTS.warmUp },
      seed: { type: 'string', default: DEFAULTS.seed },
      load: { type: 'string', default: DEFAULTS.load },
      sidecars: { type: 'string', default: DEFAULTS.sidecars },
      step: { type: 'string', default: DEFAULTS.step },
      'tell-widths': { type: 'boolean', default: false },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  }).values;
}
