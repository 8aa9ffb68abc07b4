import { LoadlineError } from '../../base/errors.ts';
import type { PolicyFile } from '../../core/policy/index.ts';
import type { Io } from '../io.ts';

/** The files of `-f`: each a file, a folder with its *.yaml and *.yml, or `-`. @throws LoadlineError LOADLINE_POLICY_UNUSABLE */
export async function policySources(paths: readonly string[], io: Io): Promise<readonly PolicyFile[]> {
  const { readPolicyFiles } = await import('../../edge/store/index.ts');
  const files = new Map<string, PolicyFile>();
  for (const path of paths) {
    if (path === '-') {
      files.set('stdin', { name: 'stdin', text: (await io.stdin?.()) ?? '' });
      continue;
    }
    const read = readPolicyFiles(path);
    if (!read.ok) throw new LoadlineError('LOADLINE_POLICY_UNUSABLE', read.reason);
    // A folder and a file in it name that file twice.
    for (const file of read.files) files.set(file.name, file);
  }
  return [...files.values()];
}
