import { type Command, InvalidArgumentError, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import { type Io, printValue } from '../io.ts';

type Flags = {
  readonly group: string;
  readonly nodeId: string;
  readonly xds: string;
  readonly listener?: readonly string[];
  readonly adminAddress?: string;
  readonly zone?: string;
  readonly output: 'yaml' | 'json';
};

export function addBootstrap(program: Command, io: Io): void {
  program
    .command('bootstrap')
    .description('print the bootstrap of an Envoy sidecar')
    .requiredOption('--group <NAME>', 'SidecarGroup that it belongs to', name)
    .requiredOption('--node-id <ID>', 'its name, unique in the group', name)
    .option('--xds <ADDR,ADDR>', 'one or two addresses of loadline serve', '127.0.0.1:18000')
    .option('--listener <NAME=ADDR...>', 'another address for a listener of the policy, for sidecars that share a host')
    .option('--admin-address <ADDR>', "Envoy's admin interface (default: a free port on 127.0.0.1)")
    .option('--zone <ZONE>', 'zone of the sidecar')
    .addOption(new Option('--output <FORMAT>', 'format').choices(['yaml', 'json']).default('yaml'))
    .addHelpText(
      'after',
      '\nExample:\n  loadline bootstrap --group lab --node-id a > envoy.yaml\n\nThe command that runs Envoy with it is printed to standard error.',
    )
    .action(async (flags: Flags) => {
      const { bootstrap, commandLine } = await import('../../core/resources/index.ts');
      const listeners: Record<string, string> = {};
      for (const text of flags.listener ?? []) {
        const at = text.indexOf('=');
        if (at < 1)
          throw new LoadlineError(
            'LOADLINE_CONFIG',
            `--listener ${text}: expected NAME=ADDR, e.g. models=127.0.0.1:15011`,
          );
        listeners[text.slice(0, at)] = text.slice(at + 1);
      }
      const message = bootstrap({
        nodeId: flags.nodeId,
        group: flags.group,
        xds: flags.xds.split(','),
        listeners,
        ...(flags.adminAddress === undefined ? {} : { admin: flags.adminAddress }),
        ...(flags.zone === undefined ? {} : { zone: flags.zone }),
      });
      printValue(io, flags.output, message);
      io.err(`run: ${commandLine({ configPath: `envoy.${flags.output}` }).join(' ')}\n`);
    });
}

/** The server refuses a sidecar without a name, and that would be found out only then. */
function name(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('expected a name.');
  return text;
}
