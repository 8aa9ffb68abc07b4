import { isJsonObject, type JsonObject, type JsonValue } from '../../base/codec/index.ts';

/** A file that every machine has: it must be there, and is not read while a configuration is judged. From ADS, Envoy would crash. */
const ANY_FILE = { path_config_source: { path: '/dev/null' }, resource_api_version: 'V3' };

/**
 * A cluster as an Envoy on another machine can judge it: the files of its TLS contexts are on the sidecars' machines, and an
 * Envoy without them would refuse a cluster that is right.
 */
export function withoutFiles(cluster: JsonObject): JsonObject {
  return walk(cluster) as JsonObject;
}

function walk(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(walk);
  if (!isJsonObject(value)) return value;
  const { validation_context: checks, tls_certificates: certificates, sds_config: source, ...rest } = value;
  const kept = Object.fromEntries(Object.entries(rest).map(([key, part]) => [key, walk(part)]));
  return {
    ...kept,
    ...(source === undefined ? {} : { sds_config: ANY_FILE }),
    ...(certificates === undefined ? {} : { tls_certificate_sds_secret_configs: [secret('own')] }),
    ...(isJsonObject(checks)
      ? {
          combined_validation_context: {
            default_validation_context: withoutCa(checks),
            validation_context_sds_secret_config: secret('authority'),
          },
        }
      : {}),
  };
}

function secret(name: string): JsonObject {
  return { name, sds_config: ANY_FILE };
}

function withoutCa({ trusted_ca: _, ...names }: JsonObject): JsonObject {
  return names;
}
