import type { Log, LogFields } from '../../../src/edge/observe/index.ts';

/** Keeps what was logged: level, fields, message. */
export class FakeLog implements Log {
  readonly lines: (readonly [level: string, fields: LogFields, message: string])[] = [];

  trace(fields: LogFields, message: string): void {
    this.lines.push(['trace', fields, message]);
  }

  debug(fields: LogFields, message: string): void {
    this.lines.push(['debug', fields, message]);
  }

  info(fields: LogFields, message: string): void {
    this.lines.push(['info', fields, message]);
  }

  warn(fields: LogFields, message: string): void {
    this.lines.push(['warn', fields, message]);
  }

  error(fields: LogFields, message: string): void {
    this.lines.push(['error', fields, message]);
  }

  child(): Log {
    return this;
  }
}
