import { LoadlineError } from '../../base/errors.ts';
import type { OpenRequests } from '../../core/topology/index.ts';

const WHOLE = /^\d{1,16}$/;

type Json = { readonly [key: string]: unknown };

/**
 * `/clusters?format=json` as the requests that are open, by cluster and endpoint; those without any are left out. Strict where
 * `parseClusters` is not, for it is asked of whoever listens there. Throws LOADLINE_ENVOY_FAILED.
 */
export function readOpenRequests(body: string): OpenRequests {
  let page: unknown;
  try {
    page = JSON.parse(body);
  } catch (cause) {
    throw new LoadlineError('LOADLINE_ENVOY_FAILED', '/clusters: the answer is no JSON', cause);
  }
  return list(page, 'cluster_statuses').map((cluster) => {
    const name = text(cluster.eds_service_name) || text(cluster.name);
    if (name === '') throw notThePage('a cluster without a name');
    const hosts = cluster.host_statuses === undefined ? [] : list(cluster, 'host_statuses');
    return { cluster: name, endpoints: hosts.flatMap(openAt) };
  });
}

function openAt(host: Json): OpenRequests[number]['endpoints'] {
  const requests = list(host, 'stats').find(({ name }) => name === 'rq_active')?.value;
  const count = gauge(requests);
  if (count === undefined) throw notThePage(`rq_active ${JSON.stringify(requests)}`);
  if (count === 0) return [];
  const address = object(host.address);
  const socket = object(address.socket_address);
  const pipe = object(address.pipe);
  const at = text(socket.address) || text(pipe.path);
  const port = socket.port_value ?? 0;
  if (at === '' || typeof port !== 'number') throw notThePage('a host without an address');
  return [{ address: at, port, requests: count }];
}

/** One that is 0 has no value in ProtoJSON; 64-bit integers are texts. Undefined: it is none. */
function gauge(value: unknown = 0): number | undefined {
  const count = typeof value === 'string' && WHOLE.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

function list(parent: unknown, key: string): readonly Json[] {
  const value = object(parent)[key];
  if (!Array.isArray(value)) throw notThePage(`no list of ${key}`);
  return value.map(object);
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function notThePage(why: string): LoadlineError {
  return new LoadlineError('LOADLINE_ENVOY_FAILED', `/clusters: the answer is not Envoy's: ${why}`);
}
