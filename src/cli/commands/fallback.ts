import { type Command, Option } from 'commander';
import type { LogLevel } from '../../edge/observe/index.ts';
import type { Io } from '../io.ts';
import type { Finish } from '../main.ts';
import { LEVELS } from './serve.ts';

type Flags = {
  readonly bootstrap: string;
  readonly keep: string;
  readonly seed?: string;
  readonly logLevel: LogLevel;
};

export function addFallback(program: Command, _io: Io, finish: Finish): void {
  program
    .command('fallback')
    .description(
      'run beside an Envoy: keep what the server sends its group, and serve that to the Envoy while the server is away',
    )
    .requiredOption(
      '--bootstrap <FILE>',
      'bootstrap of that Envoy, as `loadline bootstrap --fallback ADDR` writes it: it says who and where',
    )
    .requiredOption('--keep <FILE>', 'where to keep it; replaced in one step, and never by less than a whole set')
    .option('--seed <FILE>', 'a copy of such a file from elsewhere, for the first start')
    .addOption(new Option('--log-level <LEVEL>', 'least level that is logged').choices(LEVELS).default('info'))
    .addHelpText(
      'after',
      `
It goes by the server's address and the certificates that the bootstrap names. Only an Envoy of the same group with the same --listener is served.

Examples:
  loadline fallback --bootstrap envoy-a/envoy.yaml --keep /var/lib/loadline-fallback/lab.json
  loadline fallback --bootstrap envoy-a/envoy.yaml --keep lab.json --seed /etc/loadline-seed/lab.json`,
    )
    .action(async ({ bootstrap, keep, seed, logLevel }: Flags) => {
      const { runFallback } = await import('../../edge/fallback/index.ts');
      finish(await runFallback({ bootstrap, keep, seed, logLevel }));
    });
}
