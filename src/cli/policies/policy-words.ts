import { styleText } from 'node:util';
import type { Issue } from '../../base/units/index.ts';
import type { PolicyRefusal, PolicyWritten } from '../../edge/admin/index.ts';
import type { Io } from '../io.ts';
import { shown } from './document-target.ts';

/** Why the server said no: issues as `loadline validate` prints them. */
export async function printRefusal(io: Io, { message, issues, conflict }: PolicyRefusal): Promise<void> {
  const { formatIssue } = await import('../../core/policy/index.ts');
  const error = io.colour ? paint('red', 'error') : 'error';
  if (issues.length === 0) {
    io.err(`${error}: ${message}\n`);
    if (conflict !== undefined)
      io.err('nothing was changed; see what others did: loadline history; and try again on what is there now\n');
    return;
  }
  for (const issue of issues) io.err(`${error} ${formatIssue(issue)}\n`);
  io.err(`${issues.length} ${issues.length === 1 ? 'error' : 'errors'}; nothing was changed\n`);
}

export async function printWarnings(io: Io, warnings: readonly Issue[]): Promise<void> {
  const { formatIssue } = await import('../../core/policy/index.ts');
  const warning = io.colour ? paint('yellow', 'warning') : 'warning';
  for (const issue of warnings) io.err(`${warning} ${formatIssue(issue)}\n`);
}

/** As kubectl says it: `modelservice/chat configured`. */
export function writtenText({ changes, dryRun, replayed }: PolicyWritten, colour: boolean): string {
  const note = dryRun ? ' (dry run)' : replayed ? ' (done before)' : '';
  const styles = { Created: 'green', Configured: 'yellow', Deleted: 'red', Unchanged: undefined } as const;
  return changes
    .map(({ outcome, ...key }) => {
      const word = outcome.toLowerCase();
      const style = styles[outcome];
      return `${shown(key)} ${colour && style !== undefined ? paint(style, word) : word}${note}\n`;
    })
    .join('');
}

/** Whether there is to be colour was decided once, for all that a command prints. */
function paint(style: 'red' | 'yellow' | 'green' | 'cyan' | 'bold', text: string): string {
  return styleText(style, text, { validateStream: false });
}

/** A diff as it comes, its lines in colour on a terminal. */
export function diffText(diff: string, colour: boolean): string {
  if (!colour) return diff;
  return diff
    .split('\n')
    .map((line) => {
      if (/^(---|\+\+\+) /.test(line)) return paint('bold', line);
      if (line.startsWith('@@')) return paint('cyan', line);
      if (line.startsWith('+')) return paint('green', line);
      return line.startsWith('-') ? paint('red', line) : line;
    })
    .join('\n');
}
