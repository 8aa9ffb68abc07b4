import type { SignalLog } from '../../../src/edge/signals/index.ts';

/** Keeps what was logged, one string per line: level, message, source and error. */
export class FakeLog implements SignalLog {
  readonly lines: string[] = [];

  info(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#keep('info', fields, message);
  }

  warn(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.#keep('warn', fields, message);
  }

  #keep(level: string, { source, error }: Readonly<Record<string, unknown>>, message: string): void {
    this.lines.push([level, message, source, error].filter((part) => part !== undefined).join(' | '));
  }
}
