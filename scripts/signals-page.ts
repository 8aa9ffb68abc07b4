import { FATAL_XIDS } from '../src/core/topology/index.ts';
import type { EngineFormat } from '../src/edge/signals/formats/engine-format.ts';
import { ENGINE_FORMATS, PROCESS_ROWS } from '../src/edge/signals/formats/engine-formats.ts';
import { GPU_FORMATS } from '../src/edge/signals/formats/gpu-formats.ts';
import { METRIC_MEANINGS } from '../src/edge/signals/formats/metric-meanings.ts';
import { NVIDIA_SMI_FIELDS } from '../src/edge/signals/formats/nvidia-smi.ts';
import type { EngineRow, MetricRow } from '../src/edge/signals/formats/row.ts';
import { exampleOf, fixtureLinks } from './signal-examples.ts';

/** The reference page of what is read from engines and GPU exporters, made from the tables that the readers obey. */
export function signalsPage(): string {
  return `
# Signals

What Loadline reads from model servers and GPU exporters, name by name. Everything else on a page is passed over. A value
that is not a number, negative, or outside of what its unit allows is refused and said in the log; a name that is absent is
unknown, never idle. Where two rows of a format make one metric, the upper one that is on the page counts.

## Engines

\`signals.engine\` of [the policy](policy.md#signals) says where the page is. Its names tell whose it is, in the order of this
table; \`format\` overrules that. Series that differ only in the labels of the column \`copies\` repeat one engine and count once;
any other difference is another data-parallel engine, and \`merge\` says how those become one value.

The page can also come from a Prometheus server that scraped it, or from a file: \`prometheus\` and \`file\` of
\`signals.engine\`. It is read by the same names and rules; pages in JSON and what an engine says beside its page are then
unknown. Of \`process_start_time_seconds\`, which everything writes, Prometheus is asked only beside an engine.

| engine | \`format\` | page | known by | copies | example page |
|---|---|---|---|---|---|
${ENGINE_FORMATS.map(engineLine).join('\n')}

## GPU exporters

\`signals.gpu\` of the policy says where the page is, or which Prometheus server has scraped it. No name belongs to two
exporters, so there is nothing to recognise. Each GPU, and each instance of a cut one, keeps values of its own. A Prometheus
server is asked by one query for all of these names, and those of engines where they are wanted of it; a value is as old as
its scrape there, on that server's own clock.

| exporter | page | example page |
|---|---|---|
${GPU_FORMATS.map(({ title, page }) => `| ${title} | ${page} | ${fixtureLinks(title)} |`).join('\n')}

## Names

A row says how one name of one format is read, and what the control law does with it: \`none\` in the last column means that
it is read and passed over. \`example\` is one series of the format's example page: the value there, and the one that it
becomes; – where no example page has the name, or two series are multiplied.

| format | name | metric | unit there | example | merge | note | for the law |
|---|---|---|---|---|---|---|---|
${nameLines().join('\n')}

Proven on captures of running programs: llama.cpp, nvidia_gpu_exporter, and nvidia-smi's CSV. The names of
the others follow documentation and source, with the least certainty dcgm-exporter from 4.9 and the labels of Gaudi. The
output of nvidia-smi has a reader, and no source that runs it yet.

## Fatal XIDs

XIDs after which a GPU does no more work until it, or its node, is reset; what the endpoint gets then is up to
[\`signals.gpu.fatalXid\`](policy.md). Others change no health: what they cost shows in errors and capacity.

| XID | means |
|---|---|
${[...FATAL_XIDS].map(([code, words]) => `| ${code} | ${words} |`).join('\n')}

A metric that ends in \`Ratio\` is 0..1 with us, in \`Bytes\` bytes, in \`Hertz\` hertz and in \`Watts\` watts, whatever the unit
there. The law itself: [the control law](../design/control-law.md).
`;
}

function engineLine({ title, name, page, knownBy, copies, json, settings }: EngineFormat): string {
  const beside =
    settings === undefined ? '' : `; beside it \`/${settings.segment}\`, read when the engine is met and once a minute`;
  const pages = `${page}${json === undefined ? '' : `; or ${json.page}`}${beside}`;
  const names = knownBy.names.map(code).join(knownBy.kind === 'All' ? ' and ' : ' or ');
  return `| ${title} | \`${name}\` | ${pages} | ${names} | ${copies.length === 0 ? '–' : copies.map(code).join(', ')} | ${fixtureLinks(title)} |`;
}

function nameLines(): readonly string[] {
  return [
    ...ENGINE_FORMATS.flatMap(({ title, rows, json, settings }) => [
      ...rows.map((row) => engineRow(title, row)),
      ...(json?.rows ?? []).map((row) => engineRow(title, row, ', JSON')),
      ...(settings?.rows ?? []).map((row) => engineRow(title, row, `, \`/${settings?.segment}\``)),
    ]),
    ...PROCESS_ROWS.map((row) => line('any engine', row, 'largest', exampleOf('vLLM', row))),
    ...GPU_FORMATS.flatMap(({ title, rows }) =>
      rows.map((row) => line(title, row, perGpu(row), exampleOf(title, row))),
    ),
    ...NVIDIA_SMI_FIELDS.map(({ row }) => line(NVIDIA_SMI, row, perGpu(row), exampleOf(NVIDIA_SMI, row))),
  ];
}

function perGpu({ fold }: MetricRow): string {
  return fold === 'Max' ? 'per GPU, largest' : 'per GPU';
}

const NVIDIA_SMI = 'output of nvidia-smi';

function engineRow(title: string, row: EngineRow, page = ''): string {
  const merge = { Sum: 'sum', Max: 'largest' }[row.merge];
  if (row.times === undefined) return line(`${title}${page}`, row, merge, exampleOf(title, row));
  return line(`${title}${page}`, row, merge, '–', ` × ${code(row.times)}`);
}

function line(title: string, row: MetricRow, merge: string, example: string, factor = ''): string {
  const { law, kind } = METRIC_MEANINGS[row.metric];
  const labels = Object.entries(row.select ?? {}).map(([label, value]) => `${label}="${value}"`);
  const name = labels.length === 0 ? row.name : `${row.name}{${labels.join(',')}}`;
  const unit = kind === 'Counter' ? `${row.unit.words}, counter` : row.unit.words;
  return `| ${title} | ${code(name)}${factor} | \`${row.metric}\` | ${unit} | ${example} | ${merge} | ${row.note ?? ''} | ${law} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}
