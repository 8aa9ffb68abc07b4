import type { Issue } from '../../../base/units/index.ts';
import type { DocumentKey, WriteRequest } from './document.ts';

/** Of one write. A policy of 10,000 endpoints has about 1 MiB. */
const MAX_CHANGES = 1000;
const MAX_CONTENT_BYTES = 4 * 1024 * 1024;
const MAX_TOTAL_BYTES = 16 * 1024 * 1024;
const MAX_AUTHOR = 256;
const MAX_REASON = 4096;
const MAX_FILE = 1024;

const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;
/** As of a Kubernetes object: a DNS subdomain. */
const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
const ACTION = /^[A-Z][A-Za-z]{0,62}$/;
const IDEMPOTENCY_KEY = /^[!-~]{1,128}$/;

/** What no engine may take, whatever it holds. Empty when all is well. */
export function checkWrite({ action, author, reason, changes, idempotencyKey }: WriteRequest): readonly Issue[] {
  const issues: Issue[] = [...checkAuthorship({ action, author, reason })];
  if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey))
    issues.push(refuse('idempotencyKey', 'expected 1 to 128 printable ASCII characters'));
  if (changes.length === 0) issues.push(refuse('changes', 'expected at least one'));
  if (changes.length > MAX_CHANGES) {
    issues.push(refuse('changes', `${changes.length} in one write; at most ${MAX_CHANGES} are possible`));
    return issues;
  }
  const seen = new Set<string>();
  let total = 0;
  for (const [at, change] of changes.entries()) {
    const path = `changes[${at}]`;
    issues.push(...checkKey(change, path));
    const id = `${change.kind}/${change.name}`;
    if (seen.has(id)) issues.push(refuse(path, `${id} stands twice in one write`));
    seen.add(id);
    if (change.expected !== undefined && !(Number.isSafeInteger(change.expected) && change.expected >= 0))
      issues.push(
        refuse(`${path}.expected`, 'expected a revision: a whole number, 0 for a document that must not exist'),
      );
    if (change.operation === 'Delete') continue;
    const bytes = Buffer.byteLength(change.content);
    total += bytes;
    if (bytes > MAX_CONTENT_BYTES)
      issues.push(refuse(`${path}.content`, `${bytes} bytes; at most ${MAX_CONTENT_BYTES} are possible`));
    if (!isWellFormed(change.content))
      issues.push(refuse(`${path}.content`, 'it is no text: expected valid Unicode without NUL'));
    if ((change.file?.length ?? 0) > MAX_FILE || !isWellFormed(change.file ?? ''))
      issues.push(refuse(`${path}.file`, `expected a name of at most ${MAX_FILE} characters`));
    if (change.line !== undefined && !(Number.isSafeInteger(change.line) && change.line >= 1))
      issues.push(refuse(`${path}.line`, 'expected a whole number, from 1'));
  }
  if (total > MAX_TOTAL_BYTES)
    issues.push(refuse('changes', `${total} bytes together; at most ${MAX_TOTAL_BYTES} are possible`));
  return issues;
}

/** The part that a write and any other audited action share. */
export function checkAuthorship(entry: {
  readonly action: string;
  readonly author: string;
  readonly reason: string;
}): readonly Issue[] {
  const issues: Issue[] = [];
  if (!ACTION.test(entry.action)) issues.push(refuse('action', 'expected a word such as Apply'));
  if (entry.author === '' || entry.author.length > MAX_AUTHOR || !isWellFormed(entry.author))
    issues.push(refuse('author', `expected who does it, in 1 to ${MAX_AUTHOR} characters`));
  if (entry.reason.length > MAX_REASON || !isWellFormed(entry.reason))
    issues.push(refuse('reason', `expected a text of at most ${MAX_REASON} characters`));
  return issues;
}

export function checkKey({ kind, name }: DocumentKey, path: string): readonly Issue[] {
  const issues: Issue[] = [];
  if (!KIND.test(kind)) issues.push(refuse(`${path}.kind`, 'expected a word in PascalCase of at most 63 letters'));
  if (!NAME.test(name))
    issues.push(refuse(`${path}.name`, 'expected lower-case letters, digits, - and ., at most 253 characters'));
  return issues;
}

/** A lone surrogate would come back as another text than was stored; a NUL would end it. */
function isWellFormed(text: string): boolean {
  return !/[\0]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(text);
}

function refuse(path: string, message: string): Issue {
  return { code: 'STORE_WRITE', path, message };
}
