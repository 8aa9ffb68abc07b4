import { describe, expect, it } from 'vitest';
import { generateDocs } from '../../scripts/generate-docs.ts';
import { ERRORS } from '../../src/base/errors.ts';
import { METHODS } from '../../src/core/access/index.ts';
import { METRICS } from '../../src/edge/observe/metric-catalogue.ts';
import { ENGINE_FORMATS } from '../../src/edge/signals/formats/engine-formats.ts';
import { GPU_NAMES } from '../../src/edge/signals/formats/gpu-formats.ts';
import { commandNames } from './command-lines.ts';
import { page } from './pages.ts';

const docs = [...generateDocs()];

describe('the generated pages', () => {
  it.each(docs)('%s is fresh (else: npm run docs)', (path, text) => {
    expect(page(path).text).toBe(text);
  });

  it('are the same each time', () => {
    expect([...generateDocs()]).toEqual(docs);
  });

  it('have every command, metric and error', () => {
    const text = docs.map(([, one]) => one).join('\n');
    expect(commandNames().filter((name) => !text.includes(`\n## loadline ${name}\n`))).toEqual([]);
    expect(Object.keys(METRICS).filter((name) => !text.includes(`\n| \`${name}\` |`))).toEqual([]);
    expect(Object.keys(ERRORS).filter((code) => !text.includes(`\n## ${code}\n`))).toEqual([]);
  });

  it('have every name that is read from an engine or a GPU exporter, with its metric', () => {
    const text = page('docs/reference/signals.md').text;
    const rows = ENGINE_FORMATS.flatMap(({ rows, json }) => [...rows, ...(json?.rows ?? [])]);
    expect(
      rows.filter(({ name, metric }) => !new RegExp(`\\| \`${name}[\`{].* \\| \`${metric}\` \\|`).test(text)),
    ).toEqual([]);
    expect([...GPU_NAMES].filter((name) => !text.includes(`| \`${name}\` |`))).toEqual([]);
  });

  it('have every method of the API', () => {
    const { text } = page('docs/reference/api.md');
    for (const name of Object.keys(METHODS)) {
      const [service = '', method = ''] = name.slice(name.lastIndexOf('.') + 1).split('/');
      const section = text.slice(text.indexOf(`### Service ${service}\n`));
      expect(section.slice(0, section.indexOf('\n### ')), name).toContain(`\n| \`${method}\` |`);
    }
  });

  it('have no broken table: each row has as many cells as its head', () => {
    for (const [path, text] of docs) {
      let columns = 0;
      for (const line of text.split('\n')) {
        const cells = line.startsWith('|') ? line.replaceAll('\\|', '').split('|').length : 0;
        if (cells > 0 && columns > 0) expect(cells, `${path}: ${line}`).toBe(columns);
        columns = cells;
      }
    }
  });
});

describe('the catalogue of errors', () => {
  it.each(Object.entries(ERRORS))('%s says in whole sentences what is wrong and what to do', (_, {
    meaning,
    remedy,
  }) => {
    for (const text of [meaning, remedy]) {
      expect(text).toMatch(/^[A-Z].*\.$/);
      expect(text.length).toBeGreaterThan(30);
    }
    expect(remedy).not.toBe(meaning);
  });
});
