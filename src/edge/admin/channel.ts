import { type ChannelOptions, Client, credentials } from '@grpc/grpc-js';
import { LoadlineError } from '../../base/errors.ts';
import { formatAddress, parseAddress } from '../../base/units/index.ts';
import { type ClientTlsFiles, readClientTls } from '../tls/index.ts';
import { tokenCredentials } from './token-file.ts';

/** What grpc-js calls the server of a UNIX socket, and so what its certificate must have unless a name is given. */
const UNIX_HOST = 'localhost';

/**
 * A client of the admin API, in plaintext or with mutual TLS. Nothing is dialled before the first call; certificates are
 * read now.
 * @throws LoadlineError LOADLINE_CONFIG for an address that is none, or files that cannot be used
 */
export function openClient(
  who: 'admin' | 'server',
  address: string,
  tls: ClientTlsFiles | undefined,
  options: ChannelOptions = {},
): Client {
  const parsed = parseAddress(address);
  if (!parsed.ok) throw new LoadlineError('LOADLINE_CONFIG', `${who} ${parsed.issues[0]?.message}`);
  // The admin API is on this machine or in this cluster, never behind a web proxy.
  const common = { 'grpc.enable_http_proxy': 0, ...options };
  const target = formatAddress(parsed.value);
  if (tls === undefined) return new Client(target, credentials.createInsecure(), common);
  const { context, checkServer } = readClientTls(tls, parsed.value.kind === 'tcp' ? parsed.value.host : UNIX_HOST);
  const channel = credentials.createFromSecureContext(context, {
    checkServerIdentity: (_host, certificate) => checkServer(certificate),
  });
  return new Client(
    target,
    tls.tokenFile === undefined ? channel : channel.compose(tokenCredentials(tls.tokenFile)),
    // The name in the handshake, which nobody reads: an address there would be against RFC 6066, and Node says so aloud.
    { ...common, 'grpc.ssl_target_name_override': UNIX_HOST },
  );
}
