import type { Command } from 'commander';
import { wholeNumber } from '../flag-values.ts';
import type { Io } from '../io.ts';

type Flags = {
  readonly count?: number;
  readonly port: number;
  readonly gpuPortOffset: number;
  readonly control: string;
  readonly profile?: string;
};

export function addModelserver(program: Command, io: Io): void {
  program
    .command('modelserver')
    .description('run simulated model servers (engine metrics, GPU exporters, faults) for trying out and tests')
    .option('--count <N>', 'how many (default: 8, or as many as the profile file has)', wholeNumber)
    .option('--port <PORT>', 'port of the first one; the others follow; 0 takes free ports', wholeNumber, 9101)
    .option('--gpu-port-offset <N>', 'GPU exporter at the port plus this', wholeNumber, 100)
    .option('--control <ADDR>', 'control API: GET /servers, POST /servers/{i}/fault', '127.0.0.1:9100')
    .option('--profile <FILE>', 'YAML list of { count, profile: { slots, stepMs, speed, … } }')
    .addHelpText(
      'after',
      '\nExamples:\n  loadline modelserver --count 8\n  curl -X POST http://127.0.0.1:9100/servers/2/fault -d \'{"speed":0.5}\'    ({} heals)',
    )
    .action(async ({ count, port, gpuPortOffset, control, profile }: Flags) => {
      const { runModelServers } = await import('../../lab/modelserver/index.ts');
      const end = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end.abort());
      await runModelServers(
        {
          port,
          gpuPortOffset,
          control,
          ...(count === undefined ? {} : { count }),
          ...(profile === undefined ? {} : { profileFile: profile }),
        },
        (line) => io.out(`${line}\n`),
        end.signal,
      );
    });
}
