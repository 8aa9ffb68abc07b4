import { request } from 'node:http';
import { LoadlineError } from '../../base/errors.ts';

const TIMEOUT_MS = 5000;
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/** An admin address as Envoy writes it to `--admin-address-path`: `127.0.0.1:9901`, `[::1]:9901`, or a socket path. */
export type AdminAddress = string;

export type AdminBounds = {
  /** For the whole answer; without it only silence is bounded. */
  readonly deadlineMs?: number;
  readonly bodyLimitBytes: number;
};

/** A request to Envoy's admin interface; a status of 400 or above is returned, not thrown. Throws LOADLINE_ENVOY_FAILED. */
export function askAdmin(
  address: AdminAddress,
  path: string,
  method: 'GET' | 'POST' = 'GET',
  { deadlineMs, bodyLimitBytes }: AdminBounds = { bodyLimitBytes: BODY_LIMIT_BYTES },
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(new LoadlineError('LOADLINE_ENVOY_FAILED', `envoy admin ${address} ${path}: ${cause.message}`, cause));
    const sent = request({ ...target(address), path, method, agent: false, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > bodyLimitBytes) sent.destroy(new Error(`the answer is larger than ${bodyLimitBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', fail);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    if (deadlineMs !== undefined) {
      const late = setTimeout(() => sent.destroy(new Error(`no answer in ${deadlineMs} ms`)), deadlineMs);
      sent.on('close', () => clearTimeout(late));
    }
    sent.on('timeout', () => sent.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
    sent.on('error', fail);
    sent.end();
  });
}

function target(address: AdminAddress): { socketPath: string } | { host: string; port: number } {
  if (address.startsWith('/') || address.startsWith('@')) return { socketPath: address.replace(/^@/, '\0') };
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}

/** One host of one cluster as `/clusters?format=json` tells it. */
export type HostStatus = {
  /** `10.0.0.1:8000`, or the path of a pipe. */
  readonly address: string;
  readonly weight: number;
  readonly priority: number;
  readonly zone: string;
  readonly rqActive: number;
  readonly rqTotal: number;
  readonly rqSuccess: number;
  readonly rqError: number;
  /** As the assignment says: `HEALTHY`, `DRAINING`, … */
  readonly edsHealth: string;
  /** Ejected by outlier detection at this moment. */
  readonly ejected: boolean;
};

type RawHost = {
  address?: { socket_address?: { address: string; port_value: number }; pipe?: { path: string } };
  weight?: number;
  priority?: number;
  locality?: { zone?: string };
  health_status?: { eds_health_status?: string; failed_outlier_check?: boolean };
  stats?: { name: string; value?: string | number }[];
};

/** Hosts by cluster name. Throws LOADLINE_ENVOY_FAILED on anything that is not that page. */
export function parseClusters(body: string): Readonly<Record<string, readonly HostStatus[]>> {
  let page: { cluster_statuses?: { name: string; host_statuses?: RawHost[] }[] };
  try {
    page = JSON.parse(body) as typeof page;
  } catch (cause) {
    throw new LoadlineError('LOADLINE_ENVOY_FAILED', 'envoy admin /clusters: the answer is no JSON', cause);
  }
  return Object.fromEntries(
    (page.cluster_statuses ?? []).map((cluster) => [cluster.name, (cluster.host_statuses ?? []).map(parseHost)]),
  );
}

function parseHost(raw: RawHost): HostStatus {
  const stats = new Map((raw.stats ?? []).map(({ name, value }) => [name, Number(value ?? 0)]));
  const socket = raw.address?.socket_address;
  return {
    address: socket === undefined ? (raw.address?.pipe?.path ?? '') : `${socket.address}:${socket.port_value}`,
    weight: raw.weight ?? 0,
    priority: raw.priority ?? 0,
    zone: raw.locality?.zone ?? '',
    rqActive: stats.get('rq_active') ?? 0,
    rqTotal: stats.get('rq_total') ?? 0,
    rqSuccess: stats.get('rq_success') ?? 0,
    rqError: stats.get('rq_error') ?? 0,
    edsHealth: raw.health_status?.eds_health_status ?? 'UNKNOWN',
    ejected: raw.health_status?.failed_outlier_check ?? false,
  };
}

/** Counters and gauges of `/stats` by name; histograms are left out. */
export function parseStats(body: string): Readonly<Record<string, number>> {
  const stats: Record<string, number> = {};
  for (const line of body.split('\n')) {
    const match = /^(.+): (\d+)$/.exec(line);
    if (match !== null) stats[match[1] as string] = Number(match[2]);
  }
  return stats;
}
