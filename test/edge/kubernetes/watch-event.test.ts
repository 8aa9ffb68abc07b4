import { describe, expect, it } from 'vitest';
import { readList, readWatchEvent } from '../../../src/edge/kubernetes/watch-event.ts';

const NODE = { metadata: { name: 'gpu-7', resourceVersion: '7' } };
const line = (type: unknown, object: unknown = NODE): string => JSON.stringify({ type, object });

describe('a line of a watch', () => {
  it.each([
    [line('ADDED'), { kind: 'Is', object: NODE, version: '7' }],
    [line('MODIFIED'), { kind: 'Is', object: NODE, version: '7' }],
    [line('DELETED'), { kind: 'Gone', version: '7' }],
    [line('BOOKMARK'), { kind: 'Bookmark', version: '7' }],
    [
      line('ERROR', { code: 410, message: 'too old' }),
      { kind: 'Error', code: 410, words: 'ends the watch with 410: too old' },
    ],
    [line('ERROR', null), { kind: 'Error', code: 0, words: 'ends the watch with undefined' }],
  ])('%s', (text, event) => {
    expect(readWatchEvent(text)).toEqual(event);
  });

  it.each([
    ['<html>', /a line that is no event/],
    ['null', /a line that is no event/],
    [line('MOVED'), /unknown type MOVED/],
    [line('ADDED', {}), /without a resourceVersion/],
    [line('ADDED', { metadata: { resourceVersion: 7 } }), /without a resourceVersion/],
    [line('ADDED', { metadata: { resourceVersion: 'x'.repeat(300) } }), /without a resourceVersion/],
  ])('%s is told of', (text, words) => {
    expect(() => readWatchEvent(text)).toThrow(words);
  });
});

describe('a list', () => {
  it('has its items and the version to watch from', () => {
    const list = { metadata: { resourceVersion: '9' }, items: [NODE] };
    expect(readList(JSON.stringify(list))).toEqual({ items: [NODE], version: '9' });
    expect(() => readList('{"metadata":{"resourceVersion":"9"}}')).toThrow('answers no list');
    expect(() => readList('{"items":[]}')).toThrow('without a resourceVersion');
    expect(() => readList('[')).toThrow('no JSON object');
  });
});
