import { Command, CommanderError } from 'commander';
import { LoadlineError } from '../base/errors.ts';
import { addAgent } from './commands/agent.ts';
import { addApply } from './commands/apply.ts';
import { addAudit } from './commands/audit.ts';
import { addBootstrap } from './commands/bootstrap.ts';
import { addCerts } from './commands/certs.ts';
import { addCompletion } from './commands/completion.ts';
import { addDelete } from './commands/delete.ts';
import { addDiff } from './commands/diff.ts';
import { addEdit } from './commands/edit.ts';
import { addEvents } from './commands/events.ts';
import { addExplain } from './commands/explain.ts';
import { addFallback } from './commands/fallback.ts';
import { addGet } from './commands/get.ts';
import { addHistory } from './commands/history.ts';
import { addModelserver } from './commands/modelserver.ts';
import { addDrain, addFailover, addFreeze, addShed, addUnfreeze } from './commands/operate.ts';
import { addOperations } from './commands/operations.ts';
import { addProbe } from './commands/probe.ts';
import { addProxyConfig } from './commands/proxy-config.ts';
import { addReplay } from './commands/replay.ts';
import { addRollback } from './commands/rollback.ts';
import { addRollout } from './commands/rollout.ts';
import { addSchema } from './commands/schema.ts';
import { addServe } from './commands/serve.ts';
import { addSimulate } from './commands/simulate.ts';
import { addStatus } from './commands/status.ts';
import { addTop } from './commands/top.ts';
import { addValidate } from './commands/validate.ts';
import { addVersion } from './commands/version.ts';
import { answerShell, COMPLETE } from './completion/answer-shell.ts';
import { type Io, printError } from './io.ts';
import { processIo } from './process-io.ts';
import { useProfile } from './profiles/use-profile.ts';

/** A command's way to end with a code other than 0 after it has said why. */
export type Finish = (code: number) => void;

/** Runs one command line. Returns its exit code: 0 ok, 1 refused or failed, 2 usage. */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<number> {
  if (argv[0] === COMPLETE) {
    const silent = { out: () => {}, err: () => {}, colour: false };
    await answerShell(
      buildProgram(silent, () => {}),
      argv.slice(argv[1] === '--' ? 2 : 1),
      io,
    );
    return 0;
  }
  let code = 0;
  const program = buildProgram(io, (finished) => {
    code = finished;
  });
  program.hook('preAction', (_program, command) => useProfile(command));
  // What people type first; the command loads the version only then.
  const line = argv.length === 1 && argv[0] === '--version' ? ['version'] : [...argv];
  try {
    await program.parseAsync(line, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof LoadlineError) {
      printError(io, error);
      return error.code === 'LOADLINE_CONFIG' ? 2 : 1;
    }
    throw error;
  }
}

type Add = (program: Command, io: Io, finish: Finish) => void;

/** All commands, in the groups and the order of the help: what a newcomer needs first stands first. */
const COMMANDS: readonly (readonly [group: string, adds: readonly Add[]])[] = [
  ['Run the server, and an Envoy:', [addServe, addBootstrap, addFallback, addCerts, addAgent]],
  [
    'Write and change policies:',
    [addValidate, addSchema, addApply, addDiff, addGet, addEdit, addDelete, addHistory, addRollback, addRollout],
  ],
  ['See and understand:', [addStatus, addTop, addExplain, addProxyConfig, addEvents, addAudit]],
  ['Do something by hand:', [addDrain, addFailover, addShed, addFreeze, addUnfreeze, addOperations, addProbe]],
  ['Try it out beforehand:', [addSimulate, addReplay, addModelserver]],
  ['Other:', [addCompletion, addVersion]],
];

/** The command tree; `docs/reference/commands.md` is generated from it. */
export function buildProgram(io: Io, finish: Finish): Command {
  const program = new Command('loadline')
    .description('An Envoy control plane for GPU model servers.')
    .option('--version', 'print the version')
    .addHelpCommand(helpCommand('Other:'))
    .addHelpText(
      'after',
      `
First steps, without certificates and on this machine alone:
  loadline serve --dev --policies docs/examples/lab.yaml
  loadline bootstrap --group lab --node-id a > envoy.yaml
  loadline status

Exit code 0: done; 1: refused or failed, and standard error says why; 2: wrong usage. diff and replay: 1 differs, 2 failed.`,
    )
    .showSuggestionAfterError()
    .showHelpAfterError('(loadline --help shows what is possible)')
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.err });
  for (const [group, adds] of COMMANDS) {
    program.commandsGroup(group);
    for (const add of adds) add(program, io, finish);
  }
  for (const command of commandsOf(program)) {
    if (command.commands.length > 0) command.addHelpCommand(helpCommand('Commands:'));
    command
      .exitOverride()
      .configureOutput({ writeOut: io.out, writeErr: io.err })
      .showHelpAfterError(`(${pathOf(command)} --help shows what is possible)`);
  }
  return program;
}

function helpCommand(group: string): Command {
  return new Command('help')
    .argument('[COMMAND]')
    .description('what a command does, and its flags')
    .helpOption(false)
    .helpGroup(group);
}

/** `loadline operations list`. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** All of them, also those below another. */
function commandsOf(command: Command): readonly Command[] {
  return command.commands.flatMap((one) => [one, ...commandsOf(one)]);
}
