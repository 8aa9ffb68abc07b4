export type HttpAnswer = {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
};

export function text(status: number, body: string, headers: HttpAnswer['headers'] = {}): HttpAnswer {
  return { status, type: 'text/plain; charset=utf-8', body, headers };
}

export function json(status: number, value: unknown): HttpAnswer {
  return { status, type: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n`, headers: {} };
}

/** @param instead what does the same over the admin API */
export function forLoopback(path: string, instead: string): HttpAnswer {
  return text(403, `${path} is for loopback alone; the admin API has it for who has a certificate (${instead}).\n`);
}
