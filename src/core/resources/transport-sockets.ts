import type { JsonObject } from '../../base/codec/index.ts';
import type { ModelService, SdsFile, Upstream, UpstreamTls } from '../policy/index.ts';
import { any } from './message.ts';
import { subjectAltNameMatchers } from './subject-alt-name.ts';

const UPSTREAM_TLS = 'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

/** Empty: Envoy offers what the cluster's own protocol choice says. */
const ALPN: Readonly<Record<Upstream['protocol'], readonly string[]>> = {
  Http1: ['http/1.1'],
  Http2: ['h2'],
  Auto: [],
};

/**
 * How a cluster of a service connects. Pools of one cluster may differ: those that do not connect as usual are told by a label
 * of their endpoints ({@link socketLabel}). All clusters of a service have the same sockets, because endpoints of one pool
 * may stand behind those of another.
 */
export function transportSockets(service: ModelService): JsonObject {
  const { protocol } = service.upstream;
  const usual = usualTls(service);
  const matches = service.pools.flatMap(({ name, upstream }) =>
    upstream === undefined || isSame(upstream.tls, usual)
      ? []
      : [{ name, match: { pool: name }, transport_socket: socket(upstream.tls, protocol) }],
  );
  return {
    ...(usual === undefined ? {} : { transport_socket: socket(usual, protocol) }),
    ...(matches.length === 0 ? {} : { transport_socket_matches: matches }),
  };
}

/** What the endpoints of a pool are told by, where they are connected to in another way than is usual in the service. */
export function socketLabel(service: ModelService, pool: string): string | undefined {
  const own = service.pools.find(({ name }) => name === pool)?.upstream?.tls;
  return own === undefined || isSame(own, usualTls(service)) ? undefined : pool;
}

/** Where every pool has TLS of its own, the first one's: with plaintext as usual, Envoy would allow no choice of protocol. */
function usualTls({ upstream, pools }: ModelService): UpstreamTls | undefined {
  if (upstream.tls !== undefined) return upstream.tls;
  return pools.every((pool) => pool.upstream !== undefined) ? pools[0]?.upstream?.tls : undefined;
}

function isSame(a: UpstreamTls, b: UpstreamTls | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function socket({ sni, subjectAltNames, trustedCa, clientCertificate }: UpstreamTls, protocol: Upstream['protocol']) {
  const names = { match_typed_subject_alt_names: subjectAltNameMatchers(subjectAltNames) };
  const alpn = ALPN[protocol];
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any(UPSTREAM_TLS, {
      ...(sni === undefined ? {} : { sni }),
      common_tls_context: {
        // By default Envoy's clients speak nothing newer than 1.2.
        tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
        ...(alpn.length === 0 ? {} : { alpn_protocols: alpn }),
        ...certificate(clientCertificate),
        ...('sds' in trustedCa
          ? {
              combined_validation_context: {
                default_validation_context: names,
                validation_context_sds_secret_config: fromFile(trustedCa.sds),
              },
            }
          : { validation_context: { trusted_ca: { filename: trustedCa.filename }, ...names } }),
      },
    }),
  };
}

function certificate(own: UpstreamTls['clientCertificate']): JsonObject {
  if (own === undefined) return {};
  if ('sds' in own) return { tls_certificate_sds_secret_configs: [fromFile(own.sds)] };
  const { certificateChain, privateKey } = own;
  return {
    tls_certificates: [{ certificate_chain: { filename: certificateChain }, private_key: { filename: privateKey } }],
  };
}

function fromFile({ path, name }: SdsFile): JsonObject {
  return { name, sds_config: { path_config_source: { path }, resource_api_version: 'V3' } };
}
