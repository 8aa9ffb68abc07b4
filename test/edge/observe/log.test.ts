import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REDACTED, scrubText } from '../../../src/base/units/index.ts';
import { createLog, type LogLevel } from '../../../src/edge/observe/index.ts';
import { redact } from '../../../src/edge/observe/redact.ts';

type Line = Readonly<Record<string, unknown>>;

async function logTo(level: LogLevel) {
  const texts: string[] = [];
  const log = await createLog({ level, pretty: false, destination: { write: (text) => void texts.push(text) } });
  return { log, texts, lines: (): Line[] => texts.map((text) => JSON.parse(text) as Line) };
}

describe('a log line', () => {
  it('is one line of JSON: a constant message, its fields, the level as a word', async () => {
    const { log, texts, lines } = await logTo('trace');
    log.info({ node: 'a', detail: 'two\nlines' }, 'sidecar connected');
    expect(texts).toHaveLength(1);
    expect(texts[0]).toMatch(/^\{.*\}\n$/);
    expect(lines()[0]).toMatchObject({ level: 'info', msg: 'sidecar connected', node: 'a', detail: 'two\nlines' });
    expect(lines()[0]?.time).toEqual(expect.any(Number));
  });

  it('has its level as a word at every level', async () => {
    const { log, lines } = await logTo('trace');
    for (const level of ['trace', 'debug', 'info', 'warn', 'error'] as const) log[level]({}, level);
    expect(lines().map((line) => [line.level, line.msg])).toEqual(
      ['trace', 'debug', 'info', 'warn', 'error'].map((level) => [level, level]),
    );
  });

  it('below the level is not written and its fields are not even read', async () => {
    const { log, texts } = await logTo('warn');
    const fields = {
      get expensive(): string {
        return expect.fail('it was read');
      },
    };
    log.debug(fields, 'not written');
    log.info(fields, 'not written');
    log.warn({}, 'written');
    expect(texts).toHaveLength(1);
    const silent = await logTo('silent');
    silent.log.error({}, 'not written');
    expect(silent.texts).toEqual([]);
  });

  it('of a child carries its fields, without secrets', async () => {
    const { log, lines } = await logTo('info');
    log.child({ node: 'a', url: 'http://u:p@host/' }).info({ type: 'eds' }, 'sent');
    expect(lines()[0]).toMatchObject({ node: 'a', type: 'eds', url: `http://${REDACTED}@host/` });
  });

  it('tells an error with its cause and stack, and no secret in any of them', async () => {
    const { log, texts, lines } = await logTo('info');
    const cause = Object.assign(new Error('GET http://me:hunter2@prom/ failed'), { code: 'ECONNREFUSED' });
    log.error({ err: new Error('query failed: Bearer abcdef123456', { cause }) }, 'source failed');
    expect(texts[0]).not.toMatch(/hunter2|abcdef123456/);
    expect(lines()[0]?.err).toMatchObject({
      type: 'Error',
      message: `query failed: Bearer ${REDACTED}`,
      stack: expect.stringContaining('log.test.ts'),
      cause: { code: 'ECONNREFUSED', message: `GET http://${REDACTED}@prom/ failed` },
    });
  });

  it('for a terminal is a line for a person, with the same fields and no secret', async () => {
    const stream = new PassThrough();
    const log = await createLog({ level: 'info', pretty: true, destination: stream });
    log.warn({ url: 'http://me:hunter2@prom/', node: 'a' }, 'source failed');
    const text = String(stream.read());
    expect(text).toContain('WARN');
    expect(text).toContain('source failed');
    expect(text).toContain('node');
    expect(text).not.toContain('hunter2');
  });
});

describe('redaction', () => {
  it.each([
    ['http://user:pass@host:9090/x', `http://${REDACTED}@host:9090/x`],
    ['see https://token@host and http://plain/', `see https://${REDACTED}@host and http://plain/`],
    ['/query?a=1&access_token=abc&b=2', `/query?a=1&access_token=${REDACTED}&b=2`],
    ['?password=a%20b#top', `?password=${REDACTED}#top`],
    ['Authorization: Bearer eyJhbGciOi.x-y_z=', `Authorization: Bearer ${REDACTED}`],
    ['basic dXNlcjpwYXNz', `basic ${REDACTED}`],
    ['a@b.example is no credential', 'a@b.example is no credential'],
    ['http://host/@handle', 'http://host/@handle'],
  ])('%s', (text, expected) => {
    expect(scrubText(text)).toBe(expected);
  });

  it('covers secrets by the name of their field, at any depth, and leaves counts and settings alone', () => {
    const secret = 's3cret';
    const fields = {
      headers: { authorization: secret, 'x-api-key': secret, 'Set-Cookie': [secret] },
      tls: [{ privateKey: secret }, { private_key: secret }],
      apiToken: secret,
      tokens: 512,
      tokensPerSec: '80',
      secretary: 'Ann',
      password: null,
      bytes: new Uint8Array(3),
    };
    const copy = redact(fields);
    expect(JSON.stringify(copy)).not.toContain(secret);
    expect(copy).toMatchObject({
      headers: { authorization: REDACTED },
      tokens: 512,
      tokensPerSec: '80',
      secretary: 'Ann',
      password: null,
      bytes: '[3 bytes]',
    });
    expect(fields.apiToken).toBe(secret);
  });

  it('finds a password wherever it stands in a URL, at any depth', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9]{8,20}$/).map((text) => `Zq${text}`);
    fc.assert(
      fc.property(secret, fc.string(), fc.integer({ min: 0, max: 4 }), (password, noise, depth) => {
        let value: unknown = `${noise} postgres://user:${password}@db/x ${noise}`;
        for (let i = 0; i < depth; i++) value = i % 2 === 0 ? { field: value } : [value];
        fc.pre(!noise.includes(password));
        expect(JSON.stringify(redact({ value }))).not.toContain(password);
      }),
    );
  });

  it('ends with cycles and hostile texts', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(JSON.stringify(redact(cycle))).toContain('[too deep]');
    const long = `http://${'a'.repeat(200_000)}`;
    expect(scrubText(long)).toBe(long);
  });
});
