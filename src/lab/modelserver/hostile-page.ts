/** Ways in which a metrics page can hurt who reads it. */
export const HOSTILE_PAGES = [
  'Hang',
  'Garbage',
  'Huge',
  'Negative',
  'Nan',
  'Truncated',
  'Cut',
  'Empty',
  'Error',
] as const;

export type HostilePage = (typeof HOSTILE_PAGES)[number];

const HUGE_BYTES = 10 * 1024 * 1024;

export type PageAnswer =
  | { readonly kind: 'Text'; readonly status: number; readonly body: string }
  /** The connection is closed in the middle of the body. */
  | { readonly kind: 'Cut'; readonly body: string }
  /** No answer at all. */
  | { readonly kind: 'Hang' };

/**
 * What a reader gets instead of `page`: `Hang` no answer; `Garbage` binary and half lines; `Huge` the page behind 10 MiB
 * of other series; `Negative` and `Nan` with all values replaced; `Truncated` ends inside a line; `Cut` the connection
 * closes inside the body; `Empty` 200 without a series (as vLLM with --disable-log-stats); `Error` 500.
 */
export function hostileAnswer(kind: HostilePage | undefined, page: () => string): PageAnswer {
  switch (kind) {
    case undefined:
      return text(page());
    case 'Hang':
      return { kind: 'Hang' };
    case 'Cut':
      return { kind: 'Cut', body: firstPart(page()) };
    case 'Error':
      return { kind: 'Text', status: 500, body: 'Internal Server Error' };
    case 'Empty':
      return text('');
    case 'Truncated':
      return text(firstPart(page()));
    case 'Garbage':
      return text(garbage(page()));
    case 'Huge':
      return text(`${padding()}${page()}`);
    case 'Negative':
      return text(withValues(page(), (value) => (value.startsWith('-') ? value : `-${value}`)));
    case 'Nan':
      return text(withValues(page(), () => 'NaN'));
  }
}

function text(body: string): PageAnswer {
  return { kind: 'Text', status: 200, body };
}

/** About half of the page, ending inside the value or the name of a sample. */
function firstPart(page: string): string {
  const line = page.indexOf('\n', Math.floor(page.length / 2)) + 1;
  return page.slice(0, Math.min(line + 9, page.length - 2));
}

function withValues(page: string, change: (value: string) => string): string {
  return page.replace(/^([^#\n].*) (\S+)$/gm, (_line, head: string, value: string) => `${head} ${change(value)}`);
}

function garbage(page: string): string {
  const noise = '\u0000\u0001\ufffd{{{"=}\n}}} 12 = {\n# TYPE\n# HELP\nvllm:num_requests_running{engine="0 1.0\n';
  return `${noise}${page.replaceAll('=', '').replaceAll(' ', '\u0007 ')}<html>502 Bad Gateway</html>`;
}

let cachedPadding: string | undefined;

function padding(): string {
  if (cachedPadding === undefined) {
    const line = 'padding_bucket{le="0.1",note="a series that nobody asked for"} 1.0\n';
    cachedPadding = line.repeat(Math.ceil(HUGE_BYTES / line.length));
  }
  return cachedPadding;
}
