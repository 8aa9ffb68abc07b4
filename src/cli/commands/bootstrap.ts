import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { BootstrapTls } from '../../core/resources/index.ts';
import { collected } from '../flag-values.ts';
import { type Io, printValue, valueText } from '../io.ts';

type Flags = {
  readonly group: string;
  readonly nodeId: string;
  readonly xds: string;
  readonly listener?: readonly string[];
  readonly adminAddress?: string;
  readonly zone?: string;
  readonly fallback?: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: readonly string[];
  readonly out?: string;
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
    .option(
      '--fallback <ADDR>',
      'where `loadline fallback` listens beside this Envoy, unix:PATH or IP:PORT of loopback: it is asked while the server is away',
    )
    .option(
      '--tls-cert <FILE>',
      'certificate of the sidecar for the way to the server, PEM; Envoy reads it again when it changes',
    )
    .option('--tls-key <FILE>', 'its private key, PEM')
    .option('--tls-ca <FILE>', "authority of the server's certificate, PEM")
    .option(
      '--tls-server-name <NAME>',
      "name of the server's certificate, or its SPIFFE ID; may be repeated (default: the hosts of --xds)",
      collected,
    )
    .option(
      '--out <DIR>',
      'write the bootstrap there, and with TLS the two SDS files that it names; nothing is printed',
    )
    .addOption(new Option('-o, --output <FORMAT>', 'how to print it').choices(['yaml', 'json']).default('yaml'))
    .addHelpText(
      'after',
      '\nExamples:\n  loadline bootstrap --group lab --node-id a > envoy.yaml' +
        '\n  loadline bootstrap --group lab --node-id a --tls-cert a.crt --tls-key a.key --tls-ca ca.crt --out envoy-a' +
        '\n  loadline bootstrap --group lab --node-id a --fallback unix:/run/loadline/fallback.sock --out envoy-a' +
        '\n\nThe command that runs Envoy with it is printed to standard error.',
    )
    .action(async (flags: Flags) => {
      const { bootstrap, commandLine, secretFiles } = await import('../../core/resources/index.ts');
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
      const tls = tlsOf(flags);
      const message = bootstrap({
        nodeId: flags.nodeId,
        group: flags.group,
        xds: flags.xds.split(','),
        listeners,
        ...(flags.adminAddress === undefined ? {} : { admin: flags.adminAddress }),
        ...(flags.zone === undefined ? {} : { zone: flags.zone }),
        ...(flags.fallback === undefined ? {} : { fallback: flags.fallback }),
        ...(tls === undefined ? {} : { tls }),
      });
      const file = `envoy.${flags.output}`;
      if (flags.out === undefined) printValue(io, flags.output, message);
      else
        write(flags.out, {
          [file]: valueText(flags.output, message),
          ...jsonTexts(tls === undefined ? {} : secretFiles(tls)),
        });
      const configPath = flags.out === undefined ? file : join(flags.out, file);
      io.err(`run: ${commandLine({ configPath }).join(' ')}\n`);
    });
}

function jsonTexts(files: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).map(([name, value]) => [name, valueText('json', value)]));
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  } catch (error) {
    throw new LoadlineError('LOADLINE_CONFIG', `--out ${folder}: ${(error as Error).message}`, error);
  }
}

/** Paths are made absolute: Envoy may be started elsewhere. */
function tlsOf({ tlsCa, tlsCert, tlsKey, tlsServerName, out }: Flags): BootstrapTls | undefined {
  if (tlsCa === undefined && tlsCert === undefined && tlsKey === undefined) {
    if (tlsServerName === undefined) return undefined;
    throw new LoadlineError('LOADLINE_CONFIG', '--tls-server-name needs --tls-ca, --tls-cert and --tls-key');
  }
  if (tlsCa === undefined || tlsCert === undefined || tlsKey === undefined)
    throw new LoadlineError('LOADLINE_CONFIG', 'TLS is mutual: --tls-ca, --tls-cert and --tls-key are needed together');
  if (out === undefined)
    throw new LoadlineError(
      'LOADLINE_CONFIG',
      'with TLS --out DIR is needed: Envoy takes renewed certificates only through SDS files beside the bootstrap',
    );
  return {
    ca: resolve(tlsCa),
    cert: resolve(tlsCert),
    key: resolve(tlsKey),
    sdsFolder: resolve(out),
    ...(tlsServerName === undefined ? {} : { serverNames: tlsServerName }),
  };
}

/** The server refuses a sidecar without a name, and that would be found out only then. */
function name(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('expected a name.');
  return text;
}
