import { type DestinationStream, destination, pino } from 'pino';
import { scrubText } from '../../base/units/index.ts';
import { redact } from './redact.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** A line is a constant message plus fields, so that a search for the message finds every such line. */
export interface Log {
  trace(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A log whose lines all carry these fields, e.g. the node of a stream. */
  child(fields: LogFields): Log;
}

export type LogOptions = {
  readonly level: LogLevel;
  /** Where lines go; standard output when absent. */
  readonly destination?: DestinationStream;
  /** Coloured lines for a person; standard output being a terminal when absent. */
  readonly pretty?: boolean;
};

/**
 * JSON lines in pino's format, or coloured ones on a terminal. Secrets are taken out of fields, messages and errors before
 * pino sees them, and only of lines whose level is on: a line that is not written costs nothing.
 */
export async function createLog(options: LogOptions): Promise<Log> {
  const pretty = options.pretty ?? (options.destination === undefined && process.stdout.isTTY === true);
  const stream = options.destination ?? destination({ dest: 1, sync: true });
  // Levels as words: pino's numbers mean nothing to a person, and log stores would not colour or filter by them.
  const formatters = { level: (label: string) => ({ level: label }) };
  // `err` is written by redact already; pino's serializer would take its copy for an error called Object.
  const serializers = { err: (value: unknown) => value };
  return wrap(pino({ level: options.level, formatters, serializers }, pretty ? await prettyStream(stream) : stream));
}

/** pino-pretty takes 30 ms to load: only a terminal pays for it. */
async function prettyStream(stream: DestinationStream): Promise<DestinationStream> {
  const { default: pinoPretty } = await import('pino-pretty');
  return pinoPretty({
    colorize: (process.env.NO_COLOR ?? '') === '',
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    sync: true,
    destination: stream as never,
  });
}

function wrap(logger: pino.Logger): Log {
  const at =
    (level: pino.Level) =>
    (fields: LogFields, message: string): void => {
      if (logger.isLevelEnabled(level)) logger[level](redact(fields) as object, scrubText(message));
    };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(redact(fields) as pino.Bindings)),
  };
}
