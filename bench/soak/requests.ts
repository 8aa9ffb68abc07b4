import { CDS, EDS, encodeAck, encodeRequest, LDS, RDS } from '../xds/discovery.ts';
import { eachField, fieldBytes } from '../xds/fields.ts';

export type Variant = 'delta' | 'sotw';

const SERVICE = '/envoy.service.discovery.v3.AggregatedDiscoveryService';
export const PATHS: Readonly<Record<Variant, string>> = {
  delta: `${SERVICE}/DeltaAggregatedResources`,
  sotw: `${SERVICE}/StreamAggregatedResources`,
};
const TYPE_URLS = [
  'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  'type.googleapis.com/envoy.config.listener.v3.Listener',
  'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
];
const REFUSED = fieldBytes(2, 'refused for the soak');
const NO_BYTES = Buffer.alloc(0);
/** DiscoveryRequest: version_info 1, node 2, resource_names 3, type_url 4, response_nonce 5, error_detail 6. */
const SOTW = { version: 1, node: 2, names: 3, typeUrl: 4, nonce: 5, error: 6 };
/** DeltaDiscoveryRequest: error_detail 7. */
const DELTA_ERROR = 7;

export const TYPES: readonly number[] = [CDS, EDS, LDS, RDS];

export type Asked = {
  readonly type: number;
  readonly names: readonly string[];
  readonly held?: ReadonlyMap<string, string>;
};
export type Answer = {
  readonly type: number;
  readonly nonce: string;
  readonly version: string;
  readonly refused: boolean;
};

/** `node` is a node's content, or undefined where it was sent before. */
export function ask(variant: Variant, { type, names, held }: Asked, node: Buffer | undefined): Buffer {
  if (variant === 'delta') {
    const known = held === undefined ? {} : { known: held };
    return encodeRequest({ type, subscribe: names, ...known }, node === undefined ? NO_BYTES : fieldBytes(1, node));
  }
  return Buffer.concat([
    fieldBytes(SOTW.typeUrl, TYPE_URLS[type] as string),
    ...names.map((name) => fieldBytes(SOTW.names, name)),
    ...(node === undefined ? [] : [fieldBytes(SOTW.node, node)]),
  ]);
}

export function answer(variant: Variant, { type, nonce, version, refused }: Answer, names: readonly string[]): Buffer {
  if (variant === 'delta') {
    const error = refused ? [fieldBytes(DELTA_ERROR, REFUSED)] : [];
    return Buffer.concat([encodeAck(type, nonce, NO_BYTES), ...error]);
  }
  return Buffer.concat([
    ask(variant, { type, names }, undefined),
    fieldBytes(SOTW.version, version),
    fieldBytes(SOTW.nonce, nonce),
    ...(refused ? [fieldBytes(SOTW.error, REFUSED)] : []),
  ]);
}

/** Of a response of either variant: both have `type_url` 4 and `nonce` 5; state of the world has `version_info` 1. */
export function headOf(bytes: Buffer, start: number, end: number): Omit<Answer, 'refused'> {
  let [type, nonce, version] = [-1, '', ''];
  eachField(bytes, start, end, (field, from, to) => {
    if (field === 1) version = bytes.toString('latin1', from, to);
    else if (field === 4) type = TYPE_URLS.indexOf(bytes.toString('latin1', from, to));
    else if (field === 5) nonce = bytes.toString('latin1', from, to);
  });
  return { type, nonce, version };
}
