import { describe, expect, it } from 'vitest';
import { loadlineCommands, usageMistake } from './command-lines.ts';
import { codeBlocks, markdownPages, type Page, proseLines } from './pages.ts';

const pages = markdownPages();

describe('command lines in the pages', () => {
  it('were seen', () => {
    expect(pages.flatMap(shown).length).toBeGreaterThan(20);
  });

  it.each(pages.map((one) => [one.path, one] as const))('of %s are understood by the program', async (_, one) => {
    const mistakes = await Promise.all([
      ...shown(one).map((argv) => usageMistake(argv)),
      ...mentioned(one).map((argv) => usageMistake(argv, { mention: true })),
    ]);
    expect(mistakes.filter((mistake) => mistake !== undefined)).toEqual([]);
  });
});

describe('reading command lines', () => {
  it.each([
    ['npx loadline status', [['status']]],
    ['$ loadline explain chat    # why', [['explain', 'chat']]],
    [
      'npx loadline bootstrap --group lab --node-id a > envoy.yaml',
      [['bootstrap', '--group', 'lab', '--node-id', 'a']],
    ],
    ['loadline validate -f a.yaml && sudo loadline version', [['validate', '-f', 'a.yaml'], ['version']]],
    ['loadline serve --dev \\\n    --data DIR &', [['serve', '--dev', '--data', 'DIR']]],
    ['NO_COLOR=1 /usr/local/bin/loadline status 2>/dev/null | head', [['status']]],
    ['loadline explain \'chat/gpu\' "x y"', [['explain', 'chat/gpu', 'x y']]],
    ['docker compose exec loadline loadline status', [['status']]],
    ['docker compose logs loadline', []],
    ['{"msg":"loadline is ready"}', []],
    ['cd loadline', []],
  ])('%s', (text, expected) => {
    expect(loadlineCommands(text)).toEqual(expected);
  });

  it.each([
    [['valdiate'], "loadline valdiate: error: unknown command 'valdiate'"],
    [['serve', '--dev', '--polices', 'x'], "loadline serve --dev --polices x: error: unknown option '--polices'"],
    [['bootstrap'], "loadline bootstrap: error: required option '--group <NAME>' not specified"],
    [['version'], undefined],
    [['--version'], undefined],
    [['serve', '--help'], undefined],
  ])('%j: %s', async (argv, mistake) => {
    expect(await usageMistake(argv)).toBe(mistake);
  });
});

/** Command lines that a reader would copy: those in code blocks. */
function shown({ text }: Page): readonly (readonly string[])[] {
  return codeBlocks(text)
    .filter(({ language }) => ['', 'sh', 'bash', 'console'].includes(language))
    .flatMap((block) => loadlineCommands(block.text))
    .filter((argv) => !argv.includes('[options]')); // a synopsis
}

/** Lines of the log begin with the name of the program, too. */
const LOG_LINE = /^loadline (is|ended|cannot)\b/;

/** Code spans in sentences that name a command. */
function mentioned({ text }: Page): readonly (readonly string[])[] {
  return proseLines(text)
    .flatMap(({ text: line }) => [...line.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''))
    .filter((span) => !LOG_LINE.test(span))
    .flatMap(loadlineCommands);
}
