import { eachField, fieldBytes, varintBytes } from './fields.ts';
import { CHANGE_WEIGHT_BASE } from './shape.ts';

/** The types that the load client asks for, by index: small arrays beat maps keyed by URL. */
export const CDS = 0;
export const EDS = 1;
export const LDS = 2;
export const RDS = 3;

const PREFIX = 'type.googleapis.com/envoy.config.';
const TYPE_URLS = [
  `${PREFIX}cluster.v3.Cluster`,
  `${PREFIX}endpoint.v3.ClusterLoadAssignment`,
  `${PREFIX}listener.v3.Listener`,
  `${PREFIX}route.v3.RouteConfiguration`,
] as const;
export const TYPE_COUNT: number = TYPE_URLS.length;

const typeByUrl = new Map<string, number>(TYPE_URLS.map((url, type) => [url, type]));
/** DeltaDiscoveryRequest: node 1, type_url 2, resource_names_subscribe 3, initial_resource_versions 5, response_nonce 6. */
const typeUrlFields = TYPE_URLS.map((url) => fieldBytes(2, url));

export type DeltaRequest = {
  readonly type: number;
  readonly subscribe?: readonly string[];
  /** What the client holds, as initial_resource_versions. */
  readonly known?: ReadonlyMap<string, string>;
};

/** The request's fields one after the other; `node` is a whole field, empty where it is left out. */
export function encodeRequest({ type, subscribe, known }: DeltaRequest, node: Buffer): Buffer {
  const parts: Buffer[] = [node, typeUrlFields[type] as Buffer];
  for (const name of subscribe ?? []) parts.push(fieldBytes(3, name));
  for (const [name, version] of known ?? []) {
    parts.push(fieldBytes(5, Buffer.concat([fieldBytes(1, name), fieldBytes(2, version)])));
  }
  return Buffer.concat(parts);
}

/** An ACK: one for each response, so it is laid down in one piece. */
export function encodeAck(type: number, nonce: string, node: Buffer): Buffer {
  const typeUrl = typeUrlFields[type] as Buffer;
  const bytes = Buffer.allocUnsafe(node.length + typeUrl.length + 2 + nonce.length);
  bytes.set(node);
  bytes.set(typeUrl, node.length);
  const at = node.length + typeUrl.length;
  bytes[at] = (6 << 3) | 2;
  bytes[at + 1] = nonce.length;
  bytes.write(nonce, at + 2, 'latin1');
  return bytes;
}

/** A resource of a response; start and end bound the bytes of its `Any`. */
export type Received = { name: string; version: string; start: number; end: number };
export type DeltaResponse = { type: number; nonce: string; readonly resources: Received[] };

/** DeltaDiscoveryResponse: resources 2 {version 1, resource 2, name 3}, type_url 4, nonce 5. */
export function scanResponse(bytes: Buffer, start: number, end: number): DeltaResponse {
  const response: DeltaResponse = { type: -1, nonce: '', resources: [] };
  eachField(bytes, start, end, (field, from, to) => {
    if (field === 2) response.resources.push(scanResource(bytes, from, to));
    else if (field === 4) response.type = typeByUrl.get(bytes.toString('latin1', from, to)) ?? -1;
    else if (field === 5) response.nonce = bytes.toString('latin1', from, to);
  });
  return response;
}

function scanResource(bytes: Buffer, start: number, end: number): Received {
  const resource: Received = { name: '', version: '', start: end, end };
  eachField(bytes, start, end, (field, from, to) => {
    if (field === 1) resource.version = bytes.toString('latin1', from, to);
    else if (field === 3) resource.name = bytes.toString('latin1', from, to);
    else if (field === 2) {
      resource.start = from;
      resource.end = to;
    }
  });
  return resource;
}

/**
 * The number of the change that an assignment carries, 0 before the first: read from the weight of the first endpoint.
 * Any.value 2, ClusterLoadAssignment.endpoints 2, LocalityLbEndpoints.lb_endpoints 2, LbEndpoint.load_balancing_weight 4,
 * UInt32Value.value 1.
 */
export function changeOf(bytes: Buffer, { start, end }: Received): number {
  let from = start;
  let to = end;
  for (const wanted of [2, 2, 2, 4]) {
    let found = false;
    eachField(bytes, from, to, (field, innerFrom, innerTo) => {
      if (field !== wanted || found) return;
      found = true;
      from = innerFrom;
      to = innerTo;
    });
    if (!found) return 0;
  }
  let weight = 0;
  eachField(bytes, from, to, (field, value) => {
    if (field === 1) weight = value;
  });
  return Math.max(0, weight - CHANGE_WEIGHT_BASE);
}

/**
 * The node field of an Envoy 1.40. `paddingBytes` adds the extension list that makes a real one about 50 KB, and the node
 * is then an Envoy 1.36, which sends it with every request.
 * Node: id 1, cluster 2, user_agent_name 6, user_agent_build_version 7 {version 1 {major 1, minor 2}}, extensions 9
 * {name 1, category 2, type_urls 6}.
 */
export function nodeField(id: string, paddingBytes: number): Buffer {
  const minor = paddingBytes > 0 ? 36 : 40;
  const version = Buffer.concat([varintBytes(0x08), varintBytes(1), varintBytes(0x10), varintBytes(minor)]);
  const parts = [
    fieldBytes(1, id),
    fieldBytes(2, 'lab'),
    fieldBytes(6, 'envoy'),
    fieldBytes(7, fieldBytes(1, version)),
  ];
  for (let size = 0, index = 0; size < paddingBytes; index += 1) {
    const name = `envoy.filters.http.bench_${index}`;
    const extension = fieldBytes(
      9,
      Buffer.concat([
        fieldBytes(1, name),
        fieldBytes(2, 'envoy.filters.http'),
        fieldBytes(6, `envoy.extensions.filters.http.bench_${index}.v3.Bench`),
      ]),
    );
    parts.push(extension);
    size += extension.length;
  }
  return fieldBytes(1, Buffer.concat(parts));
}
