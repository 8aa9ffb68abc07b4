import { Argument, type Command } from 'commander';
import { SCRIPTS, SHELLS, type Shell } from '../completion/scripts.ts';
import type { Io } from '../io.ts';

export function addCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .description('print a script with which a shell completes commands, flags, and names that the server knows')
    .addArgument(new Argument('<SHELL>', 'which shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
For this shell alone:
  source <(loadline completion bash)
  source <(loadline completion zsh)
  loadline completion fish | source

For all that start from now on:
  loadline completion bash > ~/.local/share/bash-completion/completions/loadline
  loadline completion zsh > "\${fpath[1]}/_loadline"
  loadline completion fish > ~/.config/fish/completions/loadline.fish

Names of services, sidecars and the like are asked of the server that the line names (--admin, --profile), within a second.

Examples:
  loadline completion bash`,
    )
    .action((shell: Shell) => io.out(SCRIPTS[shell]));
}
