import { join } from 'node:path';
import type { Command } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { DevelopmentFile } from '../../edge/tls/index.ts';
import { atLeastOne, collected } from '../flag-values.ts';
import { type Io, type OutputFormat, printValue } from '../io.ts';
import { outputOption } from '../output-flag.ts';

type Flags = {
  readonly out: string;
  readonly trustDomain: string;
  readonly host?: readonly string[];
  readonly sidecar?: readonly string[];
  readonly days: number;
  readonly force?: boolean;
  readonly output: OutputFormat;
};

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const TRUST_DOMAIN = /^[a-z0-9]([a-z0-9._-]{0,253}[a-z0-9])?$/;
const HOST = /^[A-Za-z0-9.:-]{1,253}$/;
/** Development certificates that live for years end up in production. */
const EXAMPLE = '\nExample:\n  loadline certs dev --out certs';
const MAX_DAYS = 365;

export function addCerts(program: Command, io: Io): void {
  const certs = program.command('certs').description('certificates for development').addHelpText('after', EXAMPLE);
  certs
    .command('dev')
    .description('make an authority, and certificates for the server, sidecars and you; not for production')
    .option('--out <DIR>', 'where to write them; keys are for their owner alone', '.loadline/certs')
    .option('--trust-domain <NAME>', 'of the SPIFFE IDs', 'loadline.test')
    .option('--host <NAME>', 'name or address of the server, beside those of loopback; may be repeated', collected)
    .option(
      '--sidecar <NAME>',
      'a sidecar, or several that share an identity; may be repeated (default: lab)',
      collected,
    )
    .option('--days <N>', 'how long they are valid', atLeastOne, 90)
    .option('--force', 'replace what is there')
    .addOption(outputOption())
    .addHelpText('after', EXAMPLE)
    .action(async (flags: Flags) => {
      const { out, trustDomain, host = [], sidecar = ['lab'], days, force = false, output } = flags;
      check('--trust-domain', [trustDomain], TRUST_DOMAIN, 'a name in lower case such as mesh.example');
      check('--host', host, HOST, 'a DNS name or an IP address');
      check('--sidecar', sidecar, NAME, 'a name of letters a-z, digits and inner hyphens');
      if (days > MAX_DAYS) throw usage(`--days ${days}: at most ${MAX_DAYS}`);
      const { writeDevelopmentCertificates } = await import('../../edge/tls/index.ts');
      const files = await writeDevelopmentCertificates({
        folder: out,
        trustDomain,
        hosts: host,
        sidecars: [...new Set(sidecar)],
        days,
        force,
        nowMs: Date.now(),
      });
      if (output === 'table') io.out(writtenText(files));
      else printValue(io, output, { files });
      io.err(nextSteps(out, trustDomain, sidecar[0] as string));
    });
}

function check(flag: string, values: readonly string[], pattern: RegExp, expected: string): void {
  const odd = values.find((value) => !pattern.test(value));
  if (odd !== undefined) throw usage(`${flag} ${odd}: expected ${expected}`);
}

function usage(message: string): LoadlineError {
  return new LoadlineError('LOADLINE_CONFIG', message);
}

function writtenText(files: readonly DevelopmentFile[]): string {
  return files.map(({ path, spiffeId }) => `${path}${spiffeId === undefined ? '' : `  ${spiffeId}`}\n`).join('');
}

function nextSteps(folder: string, trustDomain: string, sidecar: string): string {
  const file = (name: string): string => join(folder, name);
  return `
Say in the policy who may join, in the spec of the SidecarGroup:
  identities: ["spiffe://${trustDomain}/sidecar/*"]
and in an access policy (access.yaml, kind: AccessPolicy) who may use the admin API, in the list of its bindings:
  - { role: Admin, services: ["*"], identities: ["spiffe://${trustDomain}/admin"] }
Then run the server, an Envoy, and ask how they are:
  loadline serve --policies lab.yaml --access access.yaml --tls-cert ${file('server.crt')} --tls-key ${file('server.key')} --tls-client-ca ${file('ca.crt')}
  loadline bootstrap --group lab --node-id a --tls-cert ${file(`sidecar-${sidecar}.crt`)} --tls-key ${file(`sidecar-${sidecar}.key`)} --tls-ca ${file('ca.crt')} --out envoy-a
  loadline status --tls-ca ${file('ca.crt')} --tls-cert ${file('admin.crt')} --tls-key ${file('admin.key')}
`;
}
