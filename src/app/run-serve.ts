import { LoadlineError } from '../base/errors.ts';
import { createLog, type LogLevel } from '../edge/observe/index.ts';
import type { AllowList } from '../edge/outbound/index.ts';
import type { TlsFiles } from '../edge/tls/index.ts';
import { Certificates } from './certificates.ts';
import type { RecordOptions } from './recorder.ts';
import { LoadlineServer } from './server.ts';
import type { ValidateOptions } from './validation.ts';
import { VERSION } from './version.ts';

export type ServeOptions = {
  /** undefined: the store in the data directory owns them. */
  readonly policies?: string | undefined;
  readonly data: string;
  readonly xds: string;
  readonly admin: string;
  readonly http: string;
  /** Mutual TLS for xDS and admin; undefined with `--dev`. */
  readonly tls: TlsFiles | undefined;
  readonly access?: string | undefined;
  readonly fetchAllow?: AllowList | undefined;
  readonly validate: ValidateOptions;
  readonly record?: RecordOptions | undefined;
  readonly logLevel: LogLevel;
};

/** `loadline serve`: runs until SIGTERM or SIGINT. Exit code 0 after a clean end, 1 when it could not start. */
export async function runServe(options: ServeOptions): Promise<number> {
  const log = await createLog({ level: options.logLevel });
  const { tls, logLevel: _level, ...rest } = options;
  const { policies, data } = rest;
  const ended = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
  let server: LoadlineServer;
  try {
    const certificates = tls === undefined ? undefined : await Certificates.open(tls, log);
    server = new LoadlineServer({ ...rest, log, certificates });
    const addresses = await server.start();
    const security = tls === undefined ? 'plaintext' : 'mutual TLS';
    log.info({ version: VERSION, ...addresses, policies, data, security }, 'loadline is ready');
  } catch (error) {
    if (!(error instanceof LoadlineError)) throw error;
    log.error({ code: error.code, reason: error.message }, 'loadline cannot start');
    return 1;
  }
  const signal = await ended;
  log.info({ signal }, 'loadline is ending');
  await server.stop();
  log.info({}, 'loadline ended');
  return 0;
}
