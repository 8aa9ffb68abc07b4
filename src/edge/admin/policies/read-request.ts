import { status } from '@grpc/grpc-js';
import type { Issue } from '../../../base/units/index.ts';
import type { DocumentText, PolicyFile } from '../../../core/policy/index.ts';
import type { DocumentKey } from '../../store/index.ts';
import type { PoliciesSeam } from './policies-seam.ts';
import { type Answer, done, refuse, refuseTexts } from './refusal.ts';

const MAX_FILES = 1000;
const MAX_TOTAL_CHARS = 4 * 1024 * 1024;
/** As the store takes them. */
const MAX_DOCUMENTS = 1000;
const MAX_NAME = 1024;
/** Nothing that moves the cursor of a terminal, where positions are printed. */
const FILE_NAME = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u;

/** The documents of the files of a request, within the bounds of one request. Gives others a turn after each document. */
export async function readRequest(
  files: readonly PolicyFile[],
  documentsOf: PoliciesSeam['documentsOf'],
  turn: () => Promise<void>,
): Promise<Answer<readonly DocumentText[]>> {
  if (files.length === 0) return refuse(status.INVALID_ARGUMENT, 'the request holds no file');
  if (files.length > MAX_FILES)
    return refuse(status.INVALID_ARGUMENT, `${files.length} files; at most ${MAX_FILES} are possible`);
  const names = new Set<string>();
  let chars = 0;
  for (const { name, text } of files) {
    if (name.length > MAX_NAME || !FILE_NAME.test(name))
      return refuse(status.INVALID_ARGUMENT, `a file needs a name of 1 to ${MAX_NAME} printable characters`);
    if (names.has(name)) return refuse(status.INVALID_ARGUMENT, `two files have the name ${name}`);
    names.add(name);
    chars += text.length;
  }
  if (chars > MAX_TOTAL_CHARS)
    return refuse(status.RESOURCE_EXHAUSTED, `${chars} characters; at most ${MAX_TOTAL_CHARS} are possible`);
  const documents: DocumentText[] = [];
  const issues: Issue[] = [];
  for (const file of files) {
    const read = await documentsOf(file);
    issues.push(...read.issues);
    for (const document of read.documents) {
      documents.push(document);
      if (documents.length > MAX_DOCUMENTS)
        return refuse(status.INVALID_ARGUMENT, `more than ${MAX_DOCUMENTS} documents in one request`);
      await turn();
    }
  }
  if (issues.length > 0) return refuseTexts(issues);
  if (documents.length === 0) return refuseTexts([nothingIn(files)]);
  return done(documents);
}

export function keysOf(documents: readonly DocumentText[]): readonly DocumentKey[] {
  return documents.flatMap(({ key }) => key ?? []);
}

function nothingIn([first]: readonly PolicyFile[]): Issue {
  const message = 'missing; expected at least one document';
  return {
    code: 'POLICY_MISSING',
    path: '',
    message,
    ...(first === undefined ? {} : { position: { file: first.name, line: 1, column: 1 } }),
  };
}
