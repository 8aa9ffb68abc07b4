import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENGINE_NAMES } from '../../../src/edge/signals/formats/engine-formats.ts';
import { GPU_NAMES } from '../../../src/edge/signals/formats/gpu-formats.ts';
import { type Scan, scanExposition } from '../../../src/edge/signals/index.ts';
import { type PlainSeries, readPlainly } from './exposition-twin.ts';
import { fixture } from './fixture.ts';

const wanted = new Set(['up', 'vllm:x', 'my.metric']);

function scan(page: string): Scan {
  return scanExposition(page, { wanted });
}

function only(line: string): { value: number; labels: Record<string, string>; timestampMs: number | undefined } {
  const result = scan(`${line}\n`);
  expect(result).toMatchObject({ badLines: 0, truncated: false, capped: false });
  expect(result.series).toHaveLength(1);
  const [{ value, labels, timestampMs }] = result.series as [(typeof result.series)[number]];
  return { value, labels: Object.fromEntries(labels), timestampMs };
}

describe('the exposition scanner', () => {
  it('reads names, labels and values', () => {
    expect(only('up 1')).toEqual({ value: 1, labels: {}, timestampMs: undefined });
    expect(only('vllm:x{a="1",b="2"} 1.5e+06')).toMatchObject({ value: 1_500_000, labels: { a: '1', b: '2' } });
    expect(only('up{} -.5').value).toBe(-0.5);
  });

  it('passes over lines that begin as an unwanted one did, and over nothing else', () => {
    const page = [
      'time_bucket{le="1"} 1',
      'time_bucket{le="2"} 2',
      'time_bucket {le="3"} 3',
      'time_bucket 4',
      'time_bucket',
      'time_bucket_more{le="1"} 5',
      '{"up"} 6',
      'up{} 7',
      'other{} 8',
      'time_bucket{le="4"',
      'up{a="b"} 9',
    ];
    const { series, badLines, firstBadLine } = scan(`${page.join('\n')}\n`);
    expect(series.map(({ value }) => value)).toEqual([6, 7, 9]);
    // A name without anything behind it is no sample; what stands behind an unwanted name is not read.
    expect([badLines, firstBadLine]).toEqual([1, 5]);
  });

  it('allows blanks wherever the format allows them, and a trailing comma', () => {
    expect(only('  up\t{ a = "1" ,\tb="2" , }   3 \r')).toMatchObject({ value: 3, labels: { a: '1', b: '2' } });
  });

  it('keeps braces, commas, hashes and escapes inside label values', () => {
    expect(only(String.raw`up{a="}{,# \"x\" \\ \n",b=""} 1`).labels).toEqual({ a: '}{,# "x" \\ \n', b: '' });
  });

  it('leaves an unknown escape as it is, because dcgm-exporter escapes nothing', () => {
    expect(only(String.raw`up{a="C:\dir"} 1`).labels).toEqual({ a: String.raw`C:\dir` });
  });

  it('reads names in quotes', () => {
    expect(only('{"my.metric", "a.b"="1"} 4')).toMatchObject({ value: 4, labels: { 'a.b': '1' } });
    expect(scan('{"other"} 1\n')).toMatchObject({ series: [], badLines: 0 });
    expect(scan('{a="1"} 1\n{"up","down"} 1\nup{"up"} 1\n')).toMatchObject({ series: [], badLines: 3 });
  });

  it('reads NaN and the infinities as what they are; whether to believe them is for others', () => {
    expect(only('up NaN').value).toBeNaN();
    expect(only('up +Inf').value).toBe(Number.POSITIVE_INFINITY);
    expect(only('up -inf').value).toBe(Number.NEGATIVE_INFINITY);
    expect(only('up Infinity').value).toBe(Number.POSITIVE_INFINITY);
  });

  it('reads time stamps: milliseconds, in OpenMetrics seconds', () => {
    expect(only('up 1 1613993498553').timestampMs).toBe(1_613_993_498_553);
    const openMetrics = scan('up 1 1613993498.5\n# EOF\n');
    expect(openMetrics.series).toMatchObject([{ value: 1, timestampMs: 1_613_993_498_500 }]);
    expect(scanExposition('up 1 2\n', { wanted, openMetrics: true }).series[0]?.timestampMs).toBe(2000);
  });

  it('passes over exemplars', () => {
    expect(only('up{a="1"} 3 # {trace_id="x y"} 0.5 1613993498.5')).toMatchObject({ value: 3, timestampMs: undefined });
    expect(only('up 3 7 # {t="x"} 0.5')).toMatchObject({ value: 3, timestampMs: 7 });
  });

  it('stops at # EOF', () => {
    expect(scan('up 1\n# EOF\nup 2\n').series).toHaveLength(1);
    expect(scan('up 1\n# EOF')).toMatchObject({ truncated: false, series: [{ value: 1 }] });
  });

  it('counts a bad line, says where the first is, and goes on', () => {
    const page = ['up 1', 'up ERROR - FAILED TO CONVERT TO STRING', 'up{a="1} 2', '<html>', 'up 2'].join('\n');
    expect(scan(`${page}\n`)).toMatchObject({ badLines: 3, firstBadLine: 2, series: [{ value: 1 }, { value: 2 }] });
  });

  it('takes for bad what is almost a sample', () => {
    const lines = ['up', 'up{a="1"}', 'up 1 x', 'up 1 2 3', 'up 0x1', 'up 1_000', 'up 1,5', 'up 8 7%', 'up{a=1} 1'];
    lines.push(
      'up{a="1",a="2"} 1',
      'up{,} 1',
      'up{a="1" b="2"} 1',
      'up{a="1"}} 1',
      '9up 1',
      'up{a="1"} 1#',
      'up{a="\\',
    );
    for (const line of lines) expect({ line, ...scan(`${line}\n`) }).toMatchObject({ line, badLines: 1, series: [] });
  });

  it('drops a line without line feed: 8 may be the beginning of 87', () => {
    expect(scan('up 87\nvllm:x 8')).toMatchObject({ truncated: true, series: [{ name: 'up', value: 87 }] });
    expect(scan('up 87\n# HEL')).toMatchObject({ truncated: true, series: [{ name: 'up' }] });
    expect(scan('up 87\n')).toMatchObject({ truncated: false });
    expect(scan('up 87\n  ')).toMatchObject({ truncated: false });
    expect(scan('')).toMatchObject({ truncated: false, series: [], badLines: 0 });
  });

  it('bounds the length of a line and the number of series', () => {
    const long = `up{a="${'x'.repeat(100)}"} 1\nup 2\n`;
    expect(scanExposition(long, { wanted, maxLineLength: 50 })).toMatchObject({ badLines: 1, series: [{ value: 2 }] });
    const many = 'up 1\n'.repeat(10);
    expect(scanExposition(many, { wanted, maxSeries: 9 })).toMatchObject({ capped: true });
    expect(scanExposition(many, { wanted, maxSeries: 10 })).toMatchObject({ capped: false });
  });

  it('does not parse the labels of a name that nobody wants', () => {
    expect(scan('other{a="broken\nup 1\n')).toMatchObject({ badLines: 0, series: [{ value: 1 }] });
  });

  it('survives a line of nothing but digits', () => {
    const digits = '1'.repeat(60_000);
    expect(scan(`up ${digits}x\n`).badLines).toBe(1);
    expect(scan(`up{a="1"} 1 ${digits}x\n`).badLines).toBe(1);
  });
});

describe('the exposition scanner against anything', () => {
  it('never throws, and never finds more lines than there are', () => {
    const soup = fc.array(
      fc.constantFrom(
        'up',
        'vllm:x',
        '{',
        '}',
        '"',
        '\\',
        ',',
        '=',
        ' ',
        '\t',
        '\r',
        '\n',
        '#',
        '# EOF',
        'NaN',
        '1',
        'e',
        '-',
        'é',
        '\u0000',
      ),
      { maxLength: 60 },
    );
    const page = fc.oneof(
      soup.map((parts) => parts.join('')),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('utf8')),
      fc.string({ unit: 'binary', maxLength: 200 }),
    );
    fc.assert(
      fc.property(page, (text) => {
        const result = scan(text);
        const lines = text.split('\n').length;
        expect(result.series.length + result.badLines).toBeLessThanOrEqual(lines);
        for (const { name, value } of result.series) {
          expect(wanted.has(name)).toBe(true);
          expect(typeof value).toBe('number');
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('agrees with a plain reader on valid pages', () => {
    const blank = fc.constantFrom('', ' ', '\t', '  ');
    const gap = fc.constantFrom(' ', '\t', '   ');
    const labelName = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,6}$/);
    const labelValue = fc.string({
      unit: fc.constantFrom('a', 'é', '{', '}', '"', '\\', '\n', ',', '#', ' ', '='),
      maxLength: 8,
    });
    const sample = fc
      .record({
        name: fc.constantFrom('up', 'vllm:x', 'unwanted_total'),
        labels: fc.uniqueArray(fc.tuple(labelName, labelValue), { selector: ([name]) => name, maxLength: 4 }),
        value: fc.oneof(fc.double().map(String), fc.constantFrom('NaN', '+Inf', '-Inf', '1e+06', '.5', '5.')),
        stamp: fc.option(fc.integer({ min: 0, max: 2_000_000_000_000 })),
        exemplar: fc.boolean(),
        blanks: fc.array(blank, { minLength: 6, maxLength: 6 }),
        gaps: fc.array(gap, { minLength: 3, maxLength: 3 }),
      })
      .map(({ name, labels, value, stamp, exemplar, blanks: [a, b, c, d, e, f], gaps: [g, h, i] }) => {
        const inner = labels.map(([key, text]) => `${b}${key}${c}=${d}"${escaped(text)}"${e}`).join(',');
        const block = labels.length === 0 ? g : `${a}{${inner}}${f}`;
        const tail = `${stamp === null ? '' : `${h}${stamp}`}${exemplar ? `${i}# {t="x"} 1` : ''}`;
        return `${name}${block}${g}${value.replace('Infinity', 'Inf')}${tail}`;
      });
    const comment = fc.constantFrom('# HELP up Help with "quotes" {and} braces', '# TYPE up gauge', '', '#');
    const page = fc
      .array(fc.oneof(sample, comment), { maxLength: 20 })
      .map((lines) => lines.map((line) => `${line}\n`).join(''));
    fc.assert(
      fc.property(page, (text) => {
        const result = scan(text);
        expect(result).toMatchObject({ badLines: 0, truncated: false, capped: false });
        expect(plain(result)).toEqual(readPlainly(text, wanted));
      }),
      { numRuns: 1000 },
    );
  });

  const pages = readdirSync(join(import.meta.dirname, 'fixtures')).filter((name) => name.endsWith('.metrics'));
  it.each(pages)('agrees with the plain reader on %s', (name) => agreeOn(fixture(name)));

  const captures = process.env.LOADLINE_CAPTURES ?? '';
  const reason = captures === '' ? 'LOADLINE_CAPTURES names no folder of *.metrics files' : 'the folder does not exist';
  it.skipIf(!existsSync(captures))(`agrees on real captures (skipped when ${reason})`, () => {
    const files = readdirSync(captures).filter((name) => name.endsWith('.metrics'));
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) agreeOn(readFileSync(join(captures, file), 'utf8'));
  });
});

function agreeOn(page: string): void {
  const names = new Set([...ENGINE_NAMES, ...GPU_NAMES]);
  const result = scanExposition(page, { wanted: names });
  expect(result).toMatchObject({ badLines: 0, truncated: false, capped: false });
  expect(result.series.length).toBeGreaterThan(0);
  expect(plain(result)).toEqual(readPlainly(page, names));
}

function plain(result: Scan): PlainSeries[] {
  return result.series.map(({ name, labels, value, timestampMs }) => ({
    name,
    labels: Object.fromEntries(labels),
    value,
    timestampMs,
  }));
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
