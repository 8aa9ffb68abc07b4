import type { Issuer } from '../../../core/policy/index.ts';
import { type PageFetcher, readTextFile } from '../../signals/index.ts';

export type KeyText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

/** Where the keys of an issuer are read. Never rejects; the message is for a person and holds nothing of the content. */
export type KeySource = () => Promise<KeyText>;

/** A key takes half a kilobyte, with its certificates some. */
const MAX_BYTES = 256 * 1024;
const DEADLINE_MS = 3_000;

export function keySource(keys: Issuer['keys'], fetcher: PageFetcher): KeySource {
  return keys.kind === 'Url' ? () => fetchKeys(keys.url, fetcher) : () => readKeys(keys.path);
}

async function fetchKeys(url: string, fetcher: PageFetcher): Promise<KeyText> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort('Timeout'), DEADLINE_MS);
  try {
    const request = { url, accept: 'application/jwk-set+json, application/json', maxBytes: MAX_BYTES };
    const page = await fetcher.get(request, late.signal);
    return page.ok ? { ok: true, text: page.body.toString('utf8') } : { ok: false, message: page.failure.message };
  } finally {
    clearTimeout(timer);
  }
}

async function readKeys(path: string): Promise<KeyText> {
  const file = await readTextFile(path, MAX_BYTES);
  return file.ok ? { ok: true, text: file.text } : { ok: false, message: `the file ${file.failure.message}` };
}
