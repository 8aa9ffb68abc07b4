/** What the end of a stream may need: the usage event and the closing mark are together shorter than this. */
const TAIL_BYTES = 512;

const DATA = Buffer.from('data:');

/**
 * Reads an OpenAI-style event stream without parsing it: a load generator asks only when the first data came, whether
 * the stream was complete, and how many tokens it claims. Parsing every event as JSON would cost more than the rest of
 * the client. Chunks may be cut anywhere.
 */
export class CompletionScanner {
  #tail: Buffer = Buffer.alloc(0);
  #sawData = false;

  /** Whether an event with data has begun; comments (`: keep-alive`) are not data. */
  get sawData(): boolean {
    return this.#sawData;
  }

  push(chunk: Buffer): void {
    if (!this.#sawData) {
      const joined = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
      this.#sawData = beginsEvent(joined);
      this.#tail = lastBytes(joined);
      return;
    }
    this.#tail = chunk.length >= TAIL_BYTES ? lastBytes(chunk) : lastBytes(Buffer.concat([this.#tail, chunk]));
  }

  /** To be asked when the response has ended. `tokens` is the server's own count, 0 when it sent none. */
  finish(): { readonly complete: boolean; readonly failed: boolean; readonly tokens: number } {
    const text = this.#tail.toString('latin1');
    const usage = /"completion_tokens"\s*:\s*(\d+)/.exec(text);
    return {
      complete: /(?:^|\n)data:\s*\[DONE\]\s*$/.test(text),
      failed: /(?:^|\n)data:\s*\{\s*"error"/.test(text),
      tokens: usage === null ? 0 : Number(usage[1]),
    };
  }
}

function beginsEvent(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(DATA); at >= 0; at = bytes.indexOf(DATA, at + 1)) {
    if (at === 0 || bytes[at - 1] === 0x0a || bytes[at - 1] === 0x0d) return true;
  }
  return false;
}

/** A copy, so that a small tail does not keep a large chunk alive. */
function lastBytes(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(Math.max(0, bytes.length - TAIL_BYTES)));
}
