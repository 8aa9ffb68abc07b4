import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { PoliciesClient, PolicyDocument, PolicyRefusal } from '../../edge/admin/index.ts';
import type { Io } from '../io.ts';
import type { Finish } from '../main.ts';
import { type Key, KIND_HELP, keyOf, shown } from '../policies/document-target.ts';
import { printRefusal, printWarnings, writtenText } from '../policies/policy-words.ts';
import { addServerFlags, type ServerFlags, withPolicies } from '../policies/server-flags.ts';
import { differences } from './diff.ts';

type Flags = ServerFlags & { readonly yes?: boolean; readonly reason?: string };

export function addEdit(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('edit')
    .description('change one policy in your editor: shows what changes, asks, and applies it')
    .argument('<KIND/NAME>', KIND_HELP)
    .option('--reason <TEXT>', 'why; it stands in the history and in the audit trail')
    .option('-y, --yes', 'apply without asking');
  addServerFlags(command)
    .addHelpText(
      'after',
      '\nThe editor is $VISUAL, else $EDITOR, else vi. Nothing is applied when others have changed the document meanwhile; a text that is not applied is kept in a file.' +
        '\nExample:\n  loadline edit ms/chat --reason "shorter timeouts"',
    )
    .action(async (name: string, flags: Flags) => {
      const key = keyOf(name);
      finish(await withPolicies(flags, (client) => edit(client, key, flags, io)));
    });
}

async function edit(client: PoliciesClient, key: Key, flags: Flags, io: Io): Promise<number> {
  const { ask } = io;
  if (ask === undefined && flags.yes !== true)
    throw new LoadlineError('LOADLINE_CONFIG', 'nobody can be asked here: say --yes to apply what the editor leaves');
  const found = await client.get({ keys: [key] });
  if (!found.ok) return refused(found, io);
  if (found.value.files !== '') {
    const message = `the server reads its policies from ${found.value.files} (--policies); edit them there`;
    throw new LoadlineError('LOADLINE_ADMIN', message);
  }
  const [document] = found.value.documents;
  if (document === undefined) throw new LoadlineError('LOADLINE_ADMIN', `${shown(key)} is damaged; apply it again`);
  const folder = await mkdtemp(join(tmpdir(), 'loadline-edit-'));
  const path = join(folder, `${key.name}.yaml`);
  const outcome = await editFile(client, document, path, flags, io);
  if (outcome === 'Kept') {
    io.err(`your text is kept in ${path}\n`);
    return 1;
  }
  await rm(folder, { recursive: true, force: true });
  return 0;
}

async function editFile(
  client: PoliciesClient,
  document: PolicyDocument,
  path: string,
  { yes, reason }: Flags,
  io: Io,
): Promise<'Done' | 'Kept'> {
  await writeFile(path, document.text, { mode: 0o600 });
  await runEditor(path);
  const text = await readFile(path, 'utf8');
  if (text === document.text) {
    io.out('nothing was changed in the editor\n');
    return 'Done';
  }
  const files = [{ name: `${document.kind}/${document.name}`, text }];
  const diff = await client.diff(files);
  if (!diff.ok) return kept(diff, io);
  const others = diff.value.documents.filter(({ kind, name }) => kind !== document.kind || name !== document.name);
  if (others.length > 0 || diff.value.documents.length !== 1) {
    io.err(
      `expected ${shown(document)} alone in the text; loadline apply -f takes several documents, or another name\n`,
    );
    return 'Kept';
  }
  io.out(differences(diff.value, io.colour));
  await printWarnings(io, diff.value.warnings);
  if (yes !== true && (await io.ask?.(`apply this to ${shown(document)}?`)) !== true) {
    io.out('nothing was applied\n');
    return 'Kept';
  }
  const written = await client.apply(files, { reason, ifMatch: [{ document, revision: document.revision }] });
  if (!written.ok) return kept(written, io);
  io.out(writtenText(written.value, io.colour));
  return 'Done';
}

async function refused(refusal: PolicyRefusal, io: Io): Promise<number> {
  await printRefusal(io, refusal);
  return 1;
}

async function kept(refusal: PolicyRefusal, io: Io): Promise<'Kept'> {
  await printRefusal(io, refusal);
  return 'Kept';
}

/** Through the shell, because the variable may hold arguments (`code --wait`); the path is none of its words. */
async function runEditor(path: string): Promise<void> {
  const { VISUAL, EDITOR } = process.env;
  const editor = VISUAL || EDITOR || 'vi';
  const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'edit', path], { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0)
    throw new LoadlineError(
      'LOADLINE_CONFIG',
      `the editor (${editor}) ended with ${code ?? 'a signal'}; nothing was applied, and the text is in ${path}`,
    );
}
