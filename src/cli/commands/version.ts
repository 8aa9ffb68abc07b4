import type { Command } from 'commander';
import { type Io, type OutputFormat, printValue } from '../io.ts';
import { outputOption } from '../output-flag.ts';

export function addVersion(program: Command, io: Io): void {
  program
    .command('version')
    .description('print the version')
    .addOption(outputOption())
    .action(async ({ output }: { readonly output: OutputFormat }) => {
      const { VERSION } = await import('../../app/index.ts');
      const node = process.versions.node;
      if (output === 'table') io.out(`loadline ${VERSION} (node ${node})\n`);
      else printValue(io, output, { version: VERSION, node });
    });
}
