import type { Command } from 'commander';
import type { Io } from '../io.ts';

export function addVersion(program: Command, io: Io): void {
  program
    .command('version')
    .description('print the version')
    .action(async () => {
      const { VERSION } = await import('../../app/index.ts');
      io.out(`loadline ${VERSION} (node ${process.versions.node})\n`);
    });
}
