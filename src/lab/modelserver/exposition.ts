export type Labels = Readonly<Record<string, string>>;

/**
 * A float as Python's prometheus_client writes it, which is what vLLM serves: `3.0`, `0.25`, `1.234567e+06`.
 * Source: floatToGoString in prometheus_client/utils.py.
 */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value !== 0 && Math.abs(value) < 1e-4) {
    const [mantissa, exponent] = value.toExponential().split('e-') as [string, string];
    return `${mantissa}e-${exponent.padStart(2, '0')}`;
  }
  const text = Number.isInteger(value) ? `${value}.0` : String(value);
  const dot = text.indexOf('.');
  if (value <= 0 || dot <= 6) return text;
  const digits = `${text.slice(1, dot)}${text.slice(dot + 1)}`.replace(/0+$/, '');
  return `${text[0]}${digits === '' ? '' : `.${digits}`}e+${String(dot - 1).padStart(2, '0')}`;
}

/** `{a="1",b="2"}` in the order given, or nothing. Values are escaped as the text format demands. */
export function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** Writes a page in the text format 0.0.4, family by family. */
export class ExpositionPage {
  readonly #lines: string[] = [];

  family(name: string, type: 'gauge' | 'counter' | 'histogram', help: string): this {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    return this;
  }

  /** `value` is text already: the writer of a page knows how its original prints numbers. */
  sample(name: string, labels: string, value: string): this {
    this.#lines.push(`${name}${labels} ${value}`);
    return this;
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}
