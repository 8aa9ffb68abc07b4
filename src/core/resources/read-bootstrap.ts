import type { JsonObject, JsonValue } from '../../base/codec/index.ts';
import { LoadlineError } from '../../base/errors.ts';
import { FALLBACK_CLUSTER, XDS_CLUSTER } from './names.ts';

/** What a bootstrap of `bootstrap` says, read back. */
export type ReadBootstrap = {
  readonly nodeId: string;
  readonly group: string;
  /** Absent: it does not say where it is. */
  readonly zone?: string;
  readonly listeners: Readonly<Record<string, string>>;
  /** `10.0.0.1:18000`, or `unix:/run/loadline/xds.sock`. */
  readonly xds: readonly string[];
  readonly fallback: string;
  /** Absent: in plaintext. */
  readonly tls?: {
    /** SDS files with the certificate and its key, and with the authority of the server. */
    readonly certificateFile: string;
    readonly authorityFile: string;
    /** Of which the server's certificate must have one. */
    readonly serverNames: readonly string[];
  };
};

/**
 * Reads what Envoy beside a fallback was given, so that both are told one thing once.
 * @throws LoadlineError LOADLINE_CONFIG for a bootstrap that is not of `loadline bootstrap --fallback`
 */
export function readBootstrap(message: JsonValue): ReadBootstrap {
  const clusters = listOf(at(message, 'static_resources.clusters'));
  const named = (name: string): JsonValue | undefined => clusters.find((cluster) => at(cluster, 'name') === name);
  const server = named(XDS_CLUSTER);
  const listeners = at(message, 'node.metadata.loadline.listeners') ?? {};
  const xds = addressesOf(server);
  const [fallback] = addressesOf(named(FALLBACK_CLUSTER));
  if (xds.length === 0 || fallback === undefined)
    throw unfit(`it has no cluster ${xds.length === 0 ? XDS_CLUSTER : FALLBACK_CLUSTER} with an address`);
  const zone = at(message, 'node.locality.zone');
  const tls = at(server, 'transport_socket.typed_config.common_tls_context');
  return {
    nodeId: textOf(message, 'node.id'),
    group: textOf(message, 'node.cluster'),
    ...(typeof zone === 'string' ? { zone } : {}),
    listeners: Object.fromEntries(
      Object.keys(listeners as JsonObject).map((name) => [name, String((listeners as JsonObject)[name])]),
    ),
    xds,
    fallback,
    ...(tls === undefined ? {} : { tls: tlsOf(tls) }),
  };
}

/** Paths of the PEM files that the SDS files of a bootstrap name. @throws LoadlineError LOADLINE_CONFIG */
export function readSecretFiles(
  certificate: JsonValue,
  authority: JsonValue,
): { readonly ca: string; readonly cert: string; readonly key: string } {
  return {
    ca: textOf(authority, 'resources.0.validation_context.trusted_ca.filename'),
    cert: textOf(certificate, 'resources.0.tls_certificate.certificate_chain.filename'),
    key: textOf(certificate, 'resources.0.tls_certificate.private_key.filename'),
  };
}

function tlsOf(context: JsonValue): NonNullable<ReadBootstrap['tls']> {
  const validation = 'combined_validation_context';
  const names = at(context, `${validation}.default_validation_context.match_typed_subject_alt_names`);
  return {
    certificateFile: textOf(context, 'tls_certificate_sds_secret_configs.0.sds_config.path_config_source.path'),
    authorityFile: textOf(
      context,
      `${validation}.validation_context_sds_secret_config.sds_config.path_config_source.path`,
    ),
    serverNames: listOf(names).map((name) => textOf(name, 'matcher.exact')),
  };
}

function addressesOf(cluster: JsonValue | undefined): readonly string[] {
  return listOf(at(cluster, 'load_assignment.endpoints.0.lb_endpoints')).map((endpoint) => {
    const path = at(endpoint, 'endpoint.address.pipe.path');
    if (typeof path === 'string') return `unix:${path}`;
    const socket = at(endpoint, 'endpoint.address.socket_address');
    const host = textOf(socket, 'address');
    return `${host.includes(':') ? `[${host}]` : host}:${String(at(socket, 'port_value'))}`;
  });
}

function textOf(value: JsonValue | undefined, path: string): string {
  const found = at(value, path);
  if (typeof found !== 'string' || found === '') throw unfit(`it has no ${path}`);
  return found;
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function at(value: JsonValue | undefined, path: string): JsonValue | undefined {
  let here = value;
  for (const key of path.split('.')) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Readonly<Record<string, JsonValue>>)[key];
  }
  return here;
}

function unfit(why: string): LoadlineError {
  return new LoadlineError(
    'LOADLINE_CONFIG',
    `${why}; expected a bootstrap as \`loadline bootstrap --fallback ADDR\` writes it, with its files`,
  );
}
