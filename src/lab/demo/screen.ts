import { type Frame, liveLine, liveTable } from './live-table.ts';

/** Of standard output; a test has its own. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const LINE_EVERY_MS = 5000;

/** Draws frames in place on a terminal; elsewhere it writes a line every five seconds. */
export class Screen {
  readonly #out: Terminal;
  #drawnLines = 0;
  #lastLineMs = Number.NEGATIVE_INFINITY;

  constructor(out: Terminal) {
    this.#out = out;
  }

  draw(frame: Frame): void {
    if (this.#out.isTTY !== true) {
      if (frame.tMs - this.#lastLineMs < LINE_EVERY_MS) return;
      this.#lastLineMs = frame.tMs;
      this.#out.write(`${liveLine(frame)}\n`);
      return;
    }
    // A line that wraps would make the next redraw start too low.
    const lines = liveTable(frame).map((line) => line.slice(0, Math.max(20, (this.#out.columns ?? 120) - 1)));
    const up = this.#drawnLines === 0 ? '' : `\x1b[${this.#drawnLines}A`;
    this.#out.write(`${up}${lines.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[0J`);
    this.#drawnLines = lines.length;
  }

  /** Lines that stay, below the last frame. */
  print(lines: readonly string[]): void {
    this.#drawnLines = 0;
    this.#out.write(`${lines.join('\n')}\n`);
  }
}
