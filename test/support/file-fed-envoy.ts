import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JsonObject, type JsonValue, messageToJson } from '../../src/base/codec/index.ts';
import { type Resource, SIDECARS_CLUSTER, TYPE_SHORT, TYPE_URL } from '../../src/core/resources/index.ts';

/**
 * Feeds an Envoy from files instead of ADS, one file per resource (one for all clusters, one for all listeners), so that
 * a test can push one type without a server. Envoy takes a file anew when it is replaced by a rename.
 */
export class FileFeed {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'loadline-feed-'));
  #version = 0;

  write(resources: readonly Resource[]): void {
    for (const type of ['cds', 'lds']) {
      const of = resources.filter(({ typeUrl }) => TYPE_SHORT[typeUrl] === type);
      if (of.length > 0) this.#replace(`${type}.json`, of);
    }
    for (const resource of resources) {
      if (resource.typeUrl !== TYPE_URL.cluster && resource.typeUrl !== TYPE_URL.listener) {
        this.#replace(fileOf(TYPE_SHORT[resource.typeUrl] as string, resource.name), [resource]);
      }
    }
  }

  bootstrap(): JsonObject {
    return {
      node: { id: 'file-fed', cluster: 'lab' },
      admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } },
      layered_runtime: {
        layers: ['lasting', 'lapsing'].map((name) => ({
          name,
          rtds_layer: { name, rtds_config: this.#source(fileOf('rtds', name)) },
        })),
      },
      dynamic_resources: { cds_config: this.#source('cds.json'), lds_config: this.#source('lds.json') },
      cluster_manager: { local_cluster_name: SIDECARS_CLUSTER },
      static_resources: {
        clusters: [
          {
            name: SIDECARS_CLUSTER,
            type: 'EDS',
            connect_timeout: '1s',
            eds_cluster_config: { eds_config: this.#source(fileOf('eds', SIDECARS_CLUSTER)) },
          },
        ],
      },
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #replace(file: string, resources: readonly Resource[]): void {
    this.#version += 1;
    const response = {
      version_info: String(this.#version),
      resources: resources.map(({ typeUrl, bytes }) => ({
        '@type': typeUrl,
        ...(this.#fromFiles(messageToJson(typeUrl, bytes)) as JsonObject),
      })),
    };
    const next = join(this.folder, `${file}.next`);
    writeFileSync(next, JSON.stringify(response));
    renameSync(next, join(this.folder, file));
  }

  /** Puts the file of the named resource where `ads: {}` stands. */
  #fromFiles(value: JsonValue, name = ''): JsonValue {
    if (Array.isArray(value)) return value.map((part: JsonValue) => this.#fromFiles(part));
    if (typeof value !== 'object' || value === null) return value;
    const message = value as JsonObject;
    const out: Record<string, JsonValue> = {};
    for (const [key, part] of Object.entries(message)) {
      if (key === 'eds_config') out[key] = this.#source(fileOf('eds', String(message.service_name)));
      else if (key === 'config_source' && 'route_config_name' in message) {
        out[key] = this.#source(fileOf('rds', String(message.route_config_name)));
      } else if (key === 'config_source') out[key] = this.#source(fileOf('ecds', name));
      else out[key] = this.#fromFiles(part, String(message.name ?? ''));
    }
    return out;
  }

  #source(file: string): JsonObject {
    return { path_config_source: { path: join(this.folder, file) }, resource_api_version: 'V3' };
  }
}

function fileOf(type: string, name: string): string {
  // The name of a pool's cluster has a slash.
  return `${type}-${name.replaceAll('/', '~')}.json`;
}
