import type { z } from 'zod';
import type { EngineFormatName, Orca, Signals } from '../policy.ts';
import { list, mapping, oneOf, port, refuse, wholeNumber } from './shape.ts';
import { duration } from './units.ts';
import { httpUrl, urlPath } from './words.ts';

type Gpu = NonNullable<Signals['gpu']>;
type JoinBy = Gpu['joinBy'][number];

export type ServiceSignals = Signals & { readonly orca?: Orca };

const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 600_000;

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

const engine: z.ZodType<NonNullable<Signals['engine']>> = mapping({
  path: urlPath('Page').prefault('/metrics'),
  interval: duration(MIN_INTERVAL_MS, MAX_INTERVAL_MS).prefault('1s'),
  port: port().exactOptional(),
  format: oneOf(ENGINE_FORMATS).exactOptional(),
}).transform(({ interval, ...rest }) => ({ ...rest, intervalMs: interval }));

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
  .transform((value) => ({ kind: 'Exporter', ...value }));

const prometheus: z.ZodType<Extract<Gpu['source'], { kind: 'Prometheus' }>> = mapping({ url: httpUrl() }).transform(
  ({ url }) => ({ kind: 'Prometheus', url }),
);

const gpu: z.ZodType<Gpu> = mapping({
  exporter: exporter.exactOptional(),
  prometheus: prometheus.exactOptional(),
  interval: duration(MIN_INTERVAL_MS, MAX_INTERVAL_MS).exactOptional(),
  joinBy: list(oneOf(['Pod', 'Node', 'Uuid', 'Port']), 'a list of Pod, Node, Uuid or Port')
    .min(1, { error: 'at least one of Pod, Node, Uuid, Port' })
    .exactOptional(),
})
  .superRefine((value, context) => {
    if (value.exporter === undefined && value.prometheus === undefined) {
      refuse(context, [], 'exporter or prometheus', 'exporter: { portOffset: 100 } scrapes one exporter per server');
    } else if (value.exporter !== undefined && value.prometheus !== undefined) {
      refuse(context, ['prometheus'], 'either exporter or prometheus, not both');
    }
  })
  .transform(({ exporter: exported, prometheus: asked, interval, joinBy }): Gpu => {
    const source = exported ?? (asked as NonNullable<typeof asked>);
    const slow = source.kind === 'Prometheus'; // it has its own scrape interval; asking more often buys nothing
    return { intervalMs: interval ?? (slow ? 5000 : 1000), source, joinBy: joinBy ?? defaultJoin(source) };
  });

/** An exporter beside each server speaks for that server; everything else has to be joined by its labels. */
function defaultJoin(source: Gpu['source']): readonly JoinBy[] {
  return source.kind === 'Exporter' && source.portOffset !== undefined ? ['Port'] : ['Pod', 'Node'];
}

const sources = { engine: engine.exactOptional(), gpu: gpu.exactOptional() };

/** Of a pool. */
export const signals: z.ZodType<Signals> = mapping(sources);

/** Of a service: what is asked of its one cluster stands only here. */
export const serviceSignals: z.ZodType<ServiceSignals> = mapping({
  ...sources,
  orca: mapping({ requestFormat: oneOf(['Json', 'Text', 'None']).default('Json') }).exactOptional(),
});
