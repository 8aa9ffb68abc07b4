import type { Readable } from 'node:stream';

const KEPT_LINES = 200;
const LINE_LIMIT = 8192;

/** The last lines that a process wrote: what an error about it quotes. */
export class LogTail {
  readonly #lines: string[] = [];
  readonly #onLine: ((line: string) => void) | undefined;

  constructor(onLine?: (line: string) => void) {
    this.#onLine = onLine;
  }

  follow(stream: Readable): void {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = (lines.pop() ?? '').slice(0, LINE_LIMIT);
      for (const line of lines) this.#push(line);
    });
    stream.on('end', () => {
      if (rest !== '') this.#push(rest);
    });
  }

  last(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }

  #push(line: string): void {
    this.#lines.push(line.slice(0, LINE_LIMIT));
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    this.#onLine?.(line);
  }
}
