export type CommandOptions = {
  /** First word; `envoy` by default. */
  readonly binary?: string;
  readonly configPath: string;
  readonly adminAddressPath?: string;
  readonly logLevel?: string;
  /** Worker threads. */
  readonly concurrency?: number;
  /** Of the longest stream that must survive a changed listener. */
  readonly longestStreamMs?: number;
  /** Overrides what `longestStreamMs` gives. */
  readonly drainTimeSec?: number;
};

/** One worker keeps the picks of one smooth sequence (two workers interleave two) and carries far more than one sidecar needs. */
const DEFAULT_CONCURRENCY = 1;
const DEFAULT_LONGEST_STREAM_MS = 3_600_000;
const DRAIN_MARGIN_SEC = 60;

/**
 * The command that runs a sidecar. A changed listener cuts the streams that outlive the drain time (default 10 minutes),
 * so that is made longer than the longest stream; `--use-dynamic-base-id` lets several Envoys share a host.
 */
export function commandLine(options: CommandOptions): readonly string[] {
  const longestSec = Math.ceil((options.longestStreamMs ?? DEFAULT_LONGEST_STREAM_MS) / 1000);
  const drainSec = options.drainTimeSec ?? longestSec + DRAIN_MARGIN_SEC;
  return [
    options.binary ?? 'envoy',
    '-c',
    options.configPath,
    '--use-dynamic-base-id',
    '--concurrency',
    String(options.concurrency ?? DEFAULT_CONCURRENCY),
    '--drain-time-s',
    String(drainSec),
    // The parent of a hot restart must not end before it has drained.
    '--parent-shutdown-time-s',
    String(drainSec + DRAIN_MARGIN_SEC),
    ...(options.adminAddressPath === undefined ? [] : ['--admin-address-path', options.adminAddressPath]),
    ...(options.logLevel === undefined ? [] : ['--log-level', options.logLevel]),
  ];
}
