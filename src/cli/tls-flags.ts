import { type Command, Option } from 'commander';
import { LoadlineError } from '../base/errors.ts';
import type { ClientTlsFiles } from '../edge/tls/index.ts';
import { addProfileFlag, SERVER_GROUP } from './profiles/use-profile.ts';

/** Flags of every command that is a client of the admin API. */
export type TlsFlags = {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsServerName?: string;
  readonly tokenFile?: string;
};

/** The variables are for a shell, or a container, that always speaks to the same server. */
export function addTlsFlags(command: Command): Command {
  const flag = (flags: string, description: string, variable: string): Option =>
    new Option(flags, description).env(variable).helpGroup(SERVER_GROUP);
  return addProfileFlag(command)
    .addOption(flag('--tls-ca <FILE>', "authority of the server's certificate, PEM", 'LOADLINE_TLS_CA'))
    .addOption(flag('--tls-cert <FILE>', 'your own certificate, PEM', 'LOADLINE_TLS_CERT'))
    .addOption(flag('--tls-key <FILE>', 'its private key, PEM', 'LOADLINE_TLS_KEY'))
    .addOption(
      flag(
        '--tls-server-name <NAME>',
        "name of the server's certificate, or its SPIFFE ID, where it is not the host that is dialled",
        'LOADLINE_TLS_SERVER_NAME',
      ),
    )
    .addOption(
      flag(
        '--token-file <FILE>',
        'bearer token (JWT) that says who you are, in place of the certificate; read with each call',
        'LOADLINE_TOKEN_FILE',
      ),
    );
}

/** Undefined: in plaintext, as the server is with `--dev`. @throws LoadlineError LOADLINE_CONFIG where a part is missing */
export function tlsOf({ tlsCa, tlsCert, tlsKey, tlsServerName, tokenFile }: TlsFlags): ClientTlsFiles | undefined {
  if (tlsCa === undefined && tlsCert === undefined && tlsKey === undefined) {
    if (tokenFile === undefined) return undefined;
    throw new LoadlineError(
      'LOADLINE_CONFIG',
      '--token-file: a token is sent over TLS alone, with --tls-ca, --tls-cert and --tls-key',
    );
  }
  if (tlsCa === undefined || tlsCert === undefined || tlsKey === undefined)
    throw new LoadlineError('LOADLINE_CONFIG', 'TLS is mutual: --tls-ca, --tls-cert and --tls-key are needed together');
  return { ca: tlsCa, cert: tlsCert, key: tlsKey, serverName: tlsServerName, tokenFile };
}
