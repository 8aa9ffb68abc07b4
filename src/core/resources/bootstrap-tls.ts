import type { JsonObject } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { any } from './message.ts';
import { splitHostPort } from './socket-address.ts';
import { kindOfName, subjectAltNameMatchers } from './subject-alt-name.ts';

/** Paths as the Envoy sees them. */
export type BootstrapTls = {
  /** Authority of the server's certificate. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** Names of which the server's certificate must have one: DNS, IP, or SPIFFE ID. By default the hosts that are dialled. */
  readonly serverNames?: readonly string[];
  /** Folder of the two files of `secretFiles`. */
  readonly sdsFolder: string;
};

const CERTIFICATE = 'client-certificate';
const AUTHORITY = 'server-ca';
const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret';
const UPSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

/**
 * What Envoy reads beside its bootstrap, by file name. Only certificates that come by SDS are read again when their files
 * change; those that stand in a bootstrap are not, and it would have to be started anew. One secret each: a file with two
 * is refused.
 */
export function secretFiles({ ca, cert, key }: BootstrapTls): Readonly<Record<string, JsonObject>> {
  return {
    [fileOf(CERTIFICATE)]: secret(CERTIFICATE, {
      tls_certificate: { certificate_chain: { filename: cert }, private_key: { filename: key } },
    }),
    [fileOf(AUTHORITY)]: secret(AUTHORITY, { validation_context: { trusted_ca: { filename: ca } } }),
  };
}

/** @param addresses of the servers, as in `BootstrapOptions.xds` */
export function upstreamTls(tls: BootstrapTls, addresses: readonly string[]): JsonObject {
  const names = tls.serverNames ?? addresses.map(hostOf);
  const sni = names.find((name) => kindOfName(name) === 'DNS');
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any(UPSTREAM_TLS, {
      ...(sni === undefined ? {} : { sni }),
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
        alpn_protocols: ['h2'],
        tls_certificate_sds_secret_configs: [source(tls, CERTIFICATE)],
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: subjectAltNameMatchers(names),
          },
          validation_context_sds_secret_config: source(tls, AUTHORITY),
        },
      },
    }),
  };
}

function secret(name: string, content: JsonObject): JsonObject {
  return { resources: [any(SECRET, { name, ...content })] };
}

function source({ sdsFolder }: BootstrapTls, name: string): JsonObject {
  const path = `${sdsFolder.replace(/\/$/, '')}/${fileOf(name)}`;
  return { name, sds_config: { path_config_source: { path }, resource_api_version: 'V3' } };
}

/** JSON is YAML too, and Envoy goes by the ending. */
function fileOf(name: string): string {
  return `${name}.json`;
}

function hostOf(address: string): string {
  const host = splitHostPort(address)?.host;
  if (host !== undefined) return host;
  throw new LoadlineError(
    'LOADLINE_CONFIG',
    `xDS address ${address} has no host: say which name the server's certificate has`,
  );
}
