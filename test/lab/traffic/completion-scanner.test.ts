import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CompletionScanner } from '../../../src/lab/traffic/completion-scanner.ts';

const EVENTS = [
  ': keep-alive\n\n',
  'data: {"choices":[{"text":" data: tok"}]}\n\n',
  `data: {"choices":[{"text":"${' tok'.repeat(400)}"}]}\n\n`,
  'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":401}}\n\n',
  'data: [DONE]\n\n',
].join('');

function scan(text: string, cuts: readonly number[] = []): CompletionScanner {
  const scanner = new CompletionScanner();
  const bytes = Buffer.from(text);
  const bounds = [0, ...[...cuts].filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
  for (let at = 1; at < bounds.length; at += 1) scanner.push(bytes.subarray(bounds[at - 1], bounds[at]));
  return scanner;
}

describe('the scanner of a completion stream', () => {
  it('sees the end and the tokens however the chunks are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(EVENTS.length), { maxLength: 40 }), (cuts) => {
        const scanner = scan(EVENTS, cuts);
        expect(scanner.sawData).toBe(true);
        expect(scanner.finish()).toEqual({ complete: true, failed: false, tokens: 401 });
      }),
    );
  });

  it('sees the first data with the chunk that completes the word, not with a comment', () => {
    const scanner = new CompletionScanner();
    scanner.push(Buffer.from(': data: no\n\nda'));
    expect(scanner.sawData).toBe(false);
    scanner.push(Buffer.from('ta: {'));
    expect(scanner.sawData).toBe(true);
  });

  it('takes a stream as incomplete at every place where it can be cut', () => {
    const last = EVENTS.lastIndexOf(']') + 1;
    for (let length = 0; length < last; length += 1)
      expect(scan(EVENTS.slice(0, length)).finish().complete).toBe(false);
    expect(scan(EVENTS.slice(0, last)).finish().complete).toBe(true);
  });

  it('does not take a quoted [DONE] for the end, and knows an error event', () => {
    expect(scan('data: {"choices":[{"text":"data: [DONE]"}]}\n\n').finish().complete).toBe(false);
    expect(scan('data: {"error":{"message":"out of memory"}}\n\ndata: [DONE]\n\n').finish().failed).toBe(true);
  });
});
