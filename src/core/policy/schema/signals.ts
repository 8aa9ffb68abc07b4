import type { z } from 'zod';
import type { EngineFormatName, Orca, Signals } from '../policy.ts';
import { list, mapping, oneOf, port, refuse, wholeNumber } from './shape.ts';
import { exactlyOneOf, SPELLINGS } from './spelling.ts';
import { duration } from './units.ts';
import { filePath, httpUrl, urlPath } from './words.ts';

type Engine = NonNullable<Signals['engine']>;
type Gpu = NonNullable<Signals['gpu']>;
type JoinBy = Gpu['joinBy'][number];

export type ServiceSignals = Signals & { readonly orca?: Orca };

const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 600_000;
/** Shorter than that, one lost word of an agent that speaks once a second would be an outage. */
const MIN_LEASE_MS = 2000;

const ENGINE_FORMATS = [
  'Vllm',
  'Sglang',
  'Tgi',
  'Triton',
  'TensorRtLlm',
  'LlamaCpp',
  'LmDeploy',
  'Nim',
] as const satisfies readonly EngineFormatName[];

const exporter: z.ZodType<Extract<Gpu['source'], { kind: 'Exporter' }>> = mapping({
  path: urlPath('Page').prefault('/metrics'),
  /** One exporter per server, on the endpoint's port plus this. */
  portOffset: wholeNumber(-65_534, 65_534).exactOptional(),
  /** One exporter per node, on this port of the endpoint's address. */
  port: port().exactOptional(),
})
  .superRefine((value, context) => {
    if (value.port === undefined && value.portOffset === undefined) {
      refuse(context, [], 'port or portOffset', 'portOffset: 100 means the port of the endpoint plus 100');
    } else if (value.port !== undefined && value.portOffset !== undefined) {
      refuse(context, ['portOffset'], 'either port or portOffset, not both');
    }
  })
  .register(SPELLINGS, exactlyOneOf('port', 'portOffset'))
  .transform((value) => ({ kind: 'Exporter', ...value }));

const prometheus: z.ZodType<Extract<Gpu['source'], { kind: 'Prometheus' }>> = mapping({ url: httpUrl() }).transform(
  ({ url }) => ({ kind: 'Prometheus', url }),
);

const file: z.ZodType<Extract<Gpu['source'], { kind: 'File' }>> = mapping({
  path: filePath(),
  maxAge: duration(MIN_LEASE_MS, MAX_INTERVAL_MS).prefault('15s'),
}).transform(({ path, maxAge }) => ({ kind: 'File', path, maxAgeMs: maxAge }));

const engine: z.ZodType<Engine> = mapping({
  path: urlPath('Page').exactOptional(),
  interval: duration(MIN_INTERVAL_MS, MAX_INTERVAL_MS).exactOptional(),
  port: port().exactOptional(),
  format: oneOf(ENGINE_FORMATS).exactOptional(),
  prometheus: prometheus.exactOptional(),
  file: file.exactOptional(),
})
  .superRefine((value, context) => {
    const instead = value.prometheus === undefined ? 'file' : 'prometheus';
    if (value[instead] === undefined) return;
    if (instead === 'prometheus' && value.file !== undefined) {
      refuse(context, ['file'], 'one of prometheus and file, not both');
    }
    if (value.path !== undefined) {
      const hint = instead === 'file' ? 'that of the file is file.path' : 'Prometheus knows itself what it scrapes';
      refuse(context, ['path'], `no path beside ${instead}`, hint);
    }
    if (value.file !== undefined && value.port !== undefined) {
      refuse(context, ['port'], 'no port beside file', '{port} in file.path is that of the endpoint');
    }
  })
  .transform(({ path = '/metrics', interval, port: own, format, prometheus: asked, file: written }): Engine => {
    const at = own === undefined ? {} : { port: own };
    const source: Engine['source'] =
      asked === undefined ? (written ?? { kind: 'Endpoint', path, ...at }) : { ...asked, ...at };
    return { intervalMs: interval ?? usualIntervalMs(source), source, ...(format === undefined ? {} : { format }) };
  });

const JOINS = ['Pod', 'Node', 'Address', 'Uuid', 'Port'] as const satisfies readonly JoinBy[];
const GPU_SOURCES = ['exporter', 'prometheus', 'file'] as const;

const gpu: z.ZodType<Gpu> = mapping({
  exporter: exporter.exactOptional(),
  prometheus: prometheus.exactOptional(),
  file: file.exactOptional(),
  interval: duration(MIN_INTERVAL_MS, MAX_INTERVAL_MS).exactOptional(),
  joinBy: list(oneOf(JOINS), `a list of ${JOINS.join(', ')}`)
    .min(1, { error: `at least one of ${JOINS.join(', ')}` })
    .exactOptional(),
  fatalXid: oneOf(['Drain', 'Ignore']).default('Drain'),
})
  .superRefine((value, context) => {
    const given = GPU_SOURCES.filter((source) => value[source] !== undefined);
    if (given.length === 0) {
      const hint = 'exporter: { portOffset: 100 } scrapes one exporter per server';
      refuse(context, [], 'exporter, prometheus or file', hint);
    } else if (given.length > 1) {
      refuse(context, [given[1] as string], 'one of exporter, prometheus and file, not several');
    }
    const at = value.prometheus === undefined ? (value.joinBy ?? []).indexOf('Address') : -1;
    if (at >= 0) {
      const hint = 'an exporter or a file is joined to its address without being told';
      refuse(context, ['joinBy', at], 'Address only with prometheus', hint);
    }
  })
  .register(SPELLINGS, exactlyOneOf(...GPU_SOURCES))
  .transform(({ exporter: exported, prometheus: asked, file: written, interval, joinBy, fatalXid }): Gpu => {
    const source = exported ?? asked ?? (written as NonNullable<typeof written>);
    return {
      intervalMs: interval ?? usualIntervalMs(source),
      source,
      joinBy: joinBy ?? defaultJoin(source),
      fatalXid,
    };
  });

/** Prometheus has its own scrape interval; asking more often buys nothing. */
function usualIntervalMs({ kind }: Engine['source'] | Gpu['source']): number {
  return kind === 'Prometheus' ? 5000 : 1000;
}

/** An exporter beside each server, or a file of its own, speaks for that server; all else is joined by its labels. */
function defaultJoin(source: Gpu['source']): readonly JoinBy[] {
  const own = source.kind === 'Exporter' ? source.portOffset !== undefined : source.kind === 'File';
  return own ? ['Port'] : ['Pod', 'Node'];
}

const push: z.ZodType<NonNullable<Signals['push']>> = mapping({
  lease: duration(MIN_LEASE_MS, MAX_INTERVAL_MS).prefault('15s'),
}).transform(({ lease }) => ({ leaseMs: lease }));

const sources = { engine: engine.exactOptional(), gpu: gpu.exactOptional(), push: push.exactOptional() };

/** Of a pool. */
export const signals: z.ZodType<Signals> = mapping(sources);

/** Of a service: what is asked of its one cluster stands only here. */
export const serviceSignals: z.ZodType<ServiceSignals> = mapping({
  ...sources,
  orca: mapping({ requestFormat: oneOf(['Json', 'Text', 'None']).default('Json') }).exactOptional(),
});
