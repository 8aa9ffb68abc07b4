export type Labels = ReadonlyMap<string, string>;

/** What stands between braces. `name`: of a metric that is named there, in quotes. */
export type LabelBlock = { readonly labels: Labels; readonly name: string | undefined };

/**
 * A reader over one line of an exposition page. It never throws and never looks back, so that a hostile line costs at most
 * its own length.
 */
export class ExpositionCursor {
  readonly text: string;
  at = 0;
  readonly end: number;

  constructor(line: string) {
    this.text = line;
    this.end = line.length;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** The code unit under the cursor; NaN at the end of the line. */
  peek(): number {
    return this.at < this.end ? this.text.charCodeAt(this.at) : Number.NaN;
  }

  skipBlanks(): void {
    while (this.at < this.end && isBlank(this.text.charCodeAt(this.at))) this.at++;
  }

  /** A bare metric or label name; '' when none stands here. */
  name(): string {
    const start = this.at;
    if (isDigit(this.peek())) return '';
    while (this.at < this.end && isNameCode(this.text.charCodeAt(this.at))) this.at++;
    return this.text.slice(start, this.at);
  }

  /** Everything up to the next blank. */
  token(): string {
    const start = this.at;
    while (this.at < this.end && !isBlank(this.text.charCodeAt(this.at))) this.at++;
    return this.text.slice(start, this.at);
  }

  /**
   * A double-quoted string, the cursor on its opening quote. Escapes are `\\`, `\"` and `\n`; any other backslash stands
   * for itself, because dcgm-exporter does not escape its label values. Undefined when the closing quote is missing.
   */
  quoted(): string | undefined {
    let escaped = false;
    for (let at = this.at + 1; at < this.end; at++) {
      const code = this.text.charCodeAt(at);
      if (code === BACKSLASH) {
        escaped = true;
        at++;
      } else if (code === QUOTE) {
        const raw = this.text.slice(this.at + 1, at);
        this.at = at + 1;
        return escaped ? unescaped(raw) : raw;
      }
    }
    return undefined;
  }

  /**
   * A label block, the cursor on its `{`. A quoted string without `=` is the metric's name (the UTF-8 form
   * `{"my.metric", a="b"}`). Undefined when the block is not well formed or names a label twice.
   */
  labels(): LabelBlock | undefined {
    const labels = new Map<string, string>();
    let name: string | undefined;
    this.at++;
    for (;;) {
      this.skipBlanks();
      if (this.peek() === CLOSE) {
        this.at++;
        return { labels, name };
      }
      const quoted = this.peek() === QUOTE;
      const key = quoted ? this.quoted() : this.name();
      if (key === undefined || key === '') return undefined;
      this.skipBlanks();
      if (this.peek() === EQUALS) {
        this.at++;
        this.skipBlanks();
        if (this.peek() !== QUOTE || labels.has(key)) return undefined;
        const value = this.quoted();
        if (value === undefined) return undefined;
        labels.set(key, value);
      } else {
        if (!quoted || name !== undefined) return undefined;
        name = key;
      }
      this.skipBlanks();
      if (this.peek() === COMMA) this.at++;
      else if (this.peek() !== CLOSE) return undefined;
    }
  }
}

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const CLOSE = 0x7d;
const EQUALS = 0x3d;
const COMMA = 0x2c;

/** Space, tab, and the carriage return of pages with CRLF. */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d;
}

export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** `[A-Za-z0-9_:]`. */
export function isNameCode(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || isDigit(code) || code === 0x5f || code === 0x3a
  );
}

function unescaped(raw: string): string {
  return raw.replace(/\\([\\"n])/g, (_, escapedCode: string) => (escapedCode === 'n' ? '\n' : escapedCode));
}
