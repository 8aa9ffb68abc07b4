import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { documentTexts, loadPolicy } from '../../../src/core/policy/index.ts';
import { splitDocuments } from '../../../src/core/policy/text/split-documents.ts';

const split = (text: string) => splitDocuments({ name: 'a.yaml', text }).map((one) => [one.text, one.firstLine]);

const doc = (name: string, more = ''): string =>
  `apiVersion: loadline.dev/v1alpha1\nkind: ModelService\nmetadata: { name: ${name} }\nspec:\n${more}  hostnames: ["${name}.example"]\n  pools:\n    - name: gpu\n      endpoints:\n        static: [{ address: 10.0.0.1, port: 8000 }]\n`;

describe('the documents of a file', () => {
  it.each([
    ['one', 'a: 1\n', [['a: 1\n', 1]]],
    ['a separator before the first', '---\na: 1\n', [['a: 1\n', 2]]],
    [
      'two',
      'a: 1\n---\nb: 2',
      [
        ['a: 1\n', 1],
        ['b: 2', 3],
      ],
    ],
    ['comments before the first separator', '# why\n---\na: 1\n', [['# why\n---\na: 1\n', 1]]],
    [
      'comments at the end',
      'a: 1\n---\nb: 2\n---\n# end\n',
      [
        ['a: 1\n', 1],
        ['b: 2\n---\n# end\n', 3],
      ],
    ],
    ['nothing after the last separator', 'a: 1\n---\n\n', [['a: 1\n', 1]]],
    [
      'CRLF',
      'a: 1\r\n---\r\nb: 2\r\n',
      [
        ['a: 1\r\n', 1],
        ['b: 2\r\n', 3],
      ],
    ],
    [
      'a byte order mark',
      '\uFEFFa: 1\n---\nb: 2\n',
      [
        ['\uFEFFa: 1\n', 1],
        ['b: 2\n', 3],
      ],
    ],
    [
      'content beside the separator',
      'a: 1\n--- {b: 2}\n',
      [
        ['a: 1\n', 1],
        ['--- {b: 2}\n', 2],
      ],
    ],
    [
      'a comment beside the separator',
      'a: 1\n--- # two\nb: 2\n',
      [
        ['a: 1\n', 1],
        ['--- # two\nb: 2\n', 2],
      ],
    ],
    [
      'an explicit end, and a directive',
      'a: 1\n...\n%YAML 1.2\n---\nb: 2\n',
      [
        ['a: 1\n', 1],
        ['%YAML 1.2\n---\nb: 2\n', 3],
      ],
    ],
    [
      'a bare document after an end',
      'a: 1\n...\nb: 2\n',
      [
        ['a: 1\n', 1],
        ['b: 2\n', 3],
      ],
    ],
    [
      'a block that keeps its end',
      'a: |+\n  x\n\n---\nb: 2\n',
      [
        ['a: |+\n  x\n\n', 1],
        ['b: 2\n', 5],
      ],
    ],
    ['three hyphens that are none', 'a:\n  ---\n----\n', [['a:\n  ---\n----\n', 1]]],
    ['nothing', '# only\n---\n', []],
  ])('%s', (_, text, expected) => {
    expect(split(text)).toEqual(expected);
  });

  it('each come with kind and name, or without when that cannot be told', () => {
    const text = `${doc('chat')}---\nkind: Nothing\n---\n${doc('embed')}---\n: [\n`;
    expect([...documentTexts({ name: 'a.yaml', text }).documents].map(({ key }) => key)).toEqual([
      { kind: 'ModelService', name: 'chat' },
      undefined,
      { kind: 'ModelService', name: 'embed' },
      undefined,
    ]);
  });

  const mistake = fc.constantFrom('', '', '  nonsense: 1\n', '  timeouts: { request: 5 }\n', '  # a: b\n', '\n\n');
  const file = fc
    .tuple(
      fc.array(fc.tuple(mistake, fc.constantFrom('---\n', '--- # more\n', '...\n---\n', '---\n# why\n---\n')), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.constantFrom('', '# head\n', '# head\n---\n', '---\n', '\uFEFF', '%YAML 1.2\n---\n'),
      fc.constantFrom('', '# tail\n', '---\n', '...\n'),
      fc.boolean(),
    )
    .map(([documents, head, tail, crlf]) => {
      const body = documents.map(([wrong, end], at) => `${at === 0 ? '' : end}${doc(`s${at}`, wrong)}`).join('');
      const text = `${head}${body}${tail}`;
      return crlf ? text.replaceAll('\n', '\r\n') : text;
    });

  it('together mean what the file means, and every issue stands at the same place', () => {
    fc.assert(
      fc.property(file, (text) => {
        const whole = loadPolicy([{ name: 'a.yaml', text }]);
        const parts = splitDocuments({ name: 'a.yaml', text });
        expect(loadPolicy(parts)).toEqual(whole);
        for (const { text: part, firstLine = 0 } of parts) {
          const before = text
            .split(/(?<=\n)/)
            .slice(0, firstLine - 1)
            .join('');
          expect(text.slice(before.length, before.length + part.length)).toBe(part);
          expect(splitDocuments({ name: 'a.yaml', text: part, firstLine })).toEqual([
            { name: 'a.yaml', text: part, firstLine },
          ]);
        }
      }),
      { numRuns: 100 },
    );
  });
});
