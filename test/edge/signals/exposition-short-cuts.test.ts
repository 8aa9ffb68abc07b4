import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ENGINE_NAMES } from '../../../src/edge/signals/formats/engine-formats.ts';
import { GPU_NAMES } from '../../../src/edge/signals/formats/gpu-formats.ts';
import { scanExposition } from '../../../src/edge/signals/index.ts';
import { LineHeads } from '../../../src/edge/signals/line-heads.ts';
import { scanPlainly } from './exposition-twin.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const wanted = new Set(['up', 'vllm:run', 'vllm:run_total', 'my.metric', 'ready{']);

/** What one source hands out, page after page, is found as if each page were the first and read in full. */
function agree(pages: readonly Buffer[], names: ReadonlySet<string>): void {
  const heads = new LineHeads();
  for (const page of pages) expect(scanExposition(page, { wanted: names, heads })).toEqual(scanPlainly(page, names));
}

function lines(...all: readonly string[]): Buffer {
  return Buffer.from(`${all.join('\n')}\n`);
}

describe('the short cuts of the scanner', () => {
  it('find a wanted line wherever it went', () => {
    agree(
      [
        lines('up{a="1"} 1', 'other{a="1"} 2', 'vllm:run 3'),
        lines('vllm:run 4', 'up{a="1"} 5'),
        lines('other{a="1"} 6', 'up{a="2"} 7', 'up{a="1"} 8', 'vllm:run 9', 'other{a="1"} 10', 'vllm:run_total 11'),
        lines('up{a="1"} 12'),
        lines('# no wanted name'),
        lines('up{a="1"} 13', 'vllm:run 14'),
      ],
      wanted,
    );
  });

  it('take no name for another that begins as it does', () => {
    agree(
      [
        lines('vllm:run 1', 'vllm:run_bucket{le="1"} 2', 'vllm:run_bucket{le="2"} 3', 'vllm:run_total 4'),
        lines('vllm:run_total 5', 'vllm:run_bucket_more{le="1"} 6', 'vllm:run{le="2"} 7', 'vllm:runs 8', 'vllm:run\t9'),
        lines('vllm:run {a="1"} 10', 'vllm:run{} 11', 'vllm:run', 'vllm:run ', 'vllm:run\r', 'vllm:run 12\r'),
        lines('vllm:run{a="1"} 13', 'vllm:run{a="1"}14', 'vllm:run{a="1"}', 'vllm:run{a="1"}} 15'),
      ],
      wanted,
    );
  });

  it('read no name out of labels, comments and cut lines', () => {
    agree(
      [
        lines('other{a="\\nup 1"} 1', '# HELP up 2', 'other{a="}\\\nup 3', 'up 4'),
        lines('other{a="x"} 5 # {b="up"} 6', 'up{a="x"} 7 # {b="}"} 8', '#up 9'),
        Buffer.from('up{a="x"} 10\nup{a="x"} 11'),
        Buffer.from('up{a="x"} 12\n# EOF\nup{a="x"} 13\n'),
        Buffer.from('up{a="x"} 14 15.5\n# EOF \n'),
        Buffer.from('up{a="x"} 14 15.5\n# EOF'),
        Buffer.from('\n\r\n\t\nup{a="x"} 16\n# EOFx\nup 17\n# E\n'),
      ],
      wanted,
    );
  });

  it('keep to bytes where text has another length', () => {
    const cut = Buffer.concat([Buffer.from('up{a="'), Buffer.from([0xe2, 0x82]), Buffer.from('"} 1\nup{a="ok"} 2\n')]);
    agree([lines('up{a="€"} 1', 'up{a="e"} 2', '\ufeffup 3'), cut, cut, lines('up{a="€"} 4', 'up{a="e"} 5')], wanted);
  });

  it('give out the labels of the page before as the same object', () => {
    const heads = new LineHeads();
    const [first, second] = [1, 2].map((value) => scanExposition(lines(`up{a="1"} ${value}`), { wanted, heads }));
    expect(second?.series).toMatchObject([{ value: 2 }]);
    expect(second?.series[0]?.labels).toBe(first?.series[0]?.labels);
  });

  it('remember no more than a bounded part of a page', () => {
    const many = lines(...Array.from({ length: 3000 }, (_, at) => `up{a="${at}"} ${at}`));
    const long = lines(`up{a="${'x'.repeat(5000)}"} 1`, 'up{a="y"} 2');
    agree([many, many, long, long, many], wanted);
  });

  it('agree with the plain scan on any pages', () => {
    const part = fc.constantFrom('up', 'vllm:run', 'vllm:run_total', '_total', 'other_bucket', 'o', '{', '}', 'a="b"');
    const sign = fc.constantFrom(
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
      '2.5',
      'é',
      '\u0000',
    );
    const soup = fc.array(fc.oneof(part, sign), { maxLength: 40 }).map((parts) => Buffer.from(parts.join('')));
    const line = fc.constantFrom(
      'up 1',
      'up{a="b"} 2',
      '  up{a="b"} 3 4',
      'up {a="b"} 5',
      '{"up",a="b"} 6',
      '{"my.metric"} 7',
      'vllm:run{a="}"} 8',
      'vllm:run_total{a="b"} NaN',
      'other_bucket{le="1"} 9',
      'other_bucket{le="2"} 10',
      'other_bucket{le="',
      'other_bucket',
      'ab{x="y"} 11',
      '# TYPE up gauge',
      '',
      '<html>',
      'up{a="é"} 12',
      'up{a="b"} x',
    );
    const page = fc.array(line, { maxLength: 25 }).map((all) => lines(...all));
    const raw = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    const source = fc.array(fc.oneof(soup, page, raw), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(source, (pages) => agree(pages, wanted)),
      { numRuns: 2000 },
    );
  });

  const names = new Set([...ENGINE_NAMES, ...GPU_NAMES]);
  const captured = readdirSync(FIXTURES).filter((name) => /\.(?:metrics|openmetrics)$/.test(name));
  it.each(captured)('agree with the plain scan on %s, however it is changed', (name) => {
    const whole = readFileSync(join(FIXTURES, name));
    const cut = fc.nat({ max: whole.length });
    const change = fc.record({
      at: cut,
      kind: fc.constantFrom('Replace', 'Insert', 'Delete', 'Truncate', 'Move', 'Repeat'),
      bytes: fc.oneof(
        fc
          .constantFrom('\n', '{', '}', '"', '\\', ' ', '#', '\r\n', 'vllm:num_requests_running 1\n')
          .map((text) => Buffer.from(text)),
        fc.uint8Array({ minLength: 1, maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
      ),
      length: fc.nat({ max: 400 }),
    });
    const changed = fc.array(change, { maxLength: 4 }).map((all) => all.reduce(changedBy, whole));
    fc.assert(
      fc.property(fc.array(changed, { minLength: 1, maxLength: 3 }), (pages) => agree([whole, ...pages], names)),
      { numRuns: 60 },
    );
  });
});

type Change = { at: number; kind: string; bytes: Buffer; length: number };

function changedBy(page: Buffer, { at, kind, bytes, length }: Change): Buffer {
  const [before, piece, after] = [page.subarray(0, at), page.subarray(at, at + length), page.subarray(at + length)];
  switch (kind) {
    case 'Replace':
      return Buffer.concat([before, bytes, page.subarray(at + bytes.length)]);
    case 'Insert':
      return Buffer.concat([before, bytes, page.subarray(at)]);
    case 'Delete':
      return Buffer.concat([before, after]);
    case 'Truncate':
      return before;
    case 'Move':
      return Buffer.concat([before, after, piece]);
    default:
      return Buffer.concat([page, piece]);
  }
}
