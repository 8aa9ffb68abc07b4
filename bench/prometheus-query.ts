import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GPU_NAMES, GPU_ROWS } from '../src/edge/signals/formats/gpu-formats.ts';
import { VLLM } from '../src/edge/signals/formats/vllm.ts';
import { HttpPageFetcher, type PageRequest } from '../src/edge/signals/page-fetcher.ts';
import { fleetQuery } from '../src/edge/signals/prometheus-fleet.ts';
import { instantQuery, readQueryAnswer } from '../src/edge/signals/prometheus-query.ts';
import { findPrometheus, Prometheus } from '../test/support/prometheus.ts';
import type { Row } from './main.ts';
import { median } from './median.ts';

const FLEETS = [16, 64, 1000];
const ROUNDS = 5;
/** Beyond it a chain takes too long to wait for. */
const LARGEST_CHAINED = 64;
/** What dcgm-exporter writes by default and Loadline reads. */
const WRITTEN = [
  'DCGM_FI_DEV_GPU_UTIL',
  'DCGM_FI_PROF_GR_ENGINE_ACTIVE',
  'DCGM_FI_PROF_DRAM_ACTIVE',
  'DCGM_FI_DEV_SM_CLOCK',
  'DCGM_FI_DEV_POWER_USAGE',
  'DCGM_FI_DEV_FB_USED',
  'DCGM_FI_DEV_FB_FREE',
  'DCGM_FI_DEV_FB_RESERVED',
  'DCGM_FI_DEV_XID_ERRORS',
];

type Asked = { readonly wallMs: number; readonly parseMs: number; readonly bytes: number; readonly series: number };

/** One question for all GPU metrics, as the server asks it, beside a question per metric, on a real Prometheus. */
export async function prometheusQuery(): Promise<readonly Row[]> {
  const found = await findPrometheus();
  if ('missing' in found) return [{ what: 'Prometheus query', value: '-', note: `not measured: ${found.missing}` }];
  const rows: Row[] = [];
  for (const gpus of FLEETS) rows.push(...(await fleetRows(found.binary, gpus)));
  return rows;
}

async function fleetRows(binary: string, gpus: number): Promise<readonly Row[]> {
  const page = fleetPage(gpus);
  const exporter = createServer((_request, response) => response.end(page));
  await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve));
  const target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`;
  const prometheus = await Prometheus.start({ binary, scrapeIntervalMs: 3000 }, [{ job: 'gpu', targets: [target] }]);
  const fetcher = new HttpPageFetcher();
  try {
    for (let looks = 0; looks < 300; looks++) {
      if ((await prometheus.value(`count(${WRITTEN.at(-1)})`)) === gpus) break;
      await new Promise((wait) => setTimeout(wait, 100));
    }
    const byMetric = new Map<string, (typeof GPU_ROWS)[number][]>();
    for (const row of GPU_ROWS) byMetric.set(row.metric, [...(byMetric.get(row.metric) ?? []), row]);
    const each = [...byMetric.values()].map((same) => instantQuery({ names: same.map(({ name }) => name) }));
    const rows = [
      await row(`Prometheus, ${gpus} GPUs, one query`, [instantQuery({ names: GPU_NAMES })]),
      await row(`Prometheus, ${gpus} GPUs, ${each.length} queries`, each),
      await row(`Prometheus, ${gpus} GPUs and engines, one query`, [fleetQuery(new Set(['Engines', 'Gpus']))]),
      await row(`Prometheus, ${gpus} GPUs and engines, two queries`, [
        fleetQuery(new Set(['Engines'])),
        fleetQuery(new Set(['Gpus'])),
      ]),
    ];
    if (gpus > LARGEST_CHAINED) return rows;
    const chain = chained(instantQuery({ names: GPU_NAMES }));
    return [...rows, await row(`Prometheus, ${gpus} GPUs, one query, a chain`, [chain])];
  } finally {
    fetcher.close();
    await prometheus.stop();
    exporter.close();
  }

  async function row(what: string, queries: readonly string[]): Promise<Row> {
    await ask(queries);
    const before = await prometheus.own('process_cpu_seconds_total');
    const asked: Asked[] = [];
    for (let round = 0; round < ROUNDS; round++) asked.push(await ask(queries));
    const cpuMs = (((await prometheus.own('process_cpu_seconds_total')) - before) / ROUNDS) * 1000;
    const of = (read: (one: Asked) => number): string => median(asked.map(read)).toFixed(0);
    const note = `answer in ${of(({ wallMs }) => wallMs)} ms, read in ${of(({ parseMs }) => parseMs)} ms, ${of(({ bytes }) => bytes / 1000)} kB, ${of(({ series }) => series)} series`;
    return { what, value: `${cpuMs.toFixed(0)} ms of its CPU`, note };
  }

  async function ask(queries: readonly string[]): Promise<Asked> {
    const startedMs = performance.now();
    const pages = await Promise.all(
      queries.map((query) => {
        const url = `${prometheus.url}/api/v1/query`;
        const request: PageRequest = {
          url,
          accept: 'application/json',
          gzip: true,
          form: { query },
          maxBytes: 2 ** 25,
        };
        return fetcher.get(request, new AbortController().signal);
      }),
    );
    const answeredMs = performance.now();
    let [bytes, series] = [0, 0];
    for (const page of pages) {
      if (!page.ok) throw new Error(page.failure.message);
      const answer = readQueryAnswer(page.body.toString('utf8'));
      if (!answer.ok) throw new Error(answer.failure.message);
      bytes += page.body.length;
      series += answer.series.length;
    }
    return { wallMs: answeredMs - startedMs, parseMs: performance.now() - answeredMs, bytes, series };
  }
}

/** The same question without the tree of its branches. */
function chained(query: string): string {
  const branches = query.match(/^\{[^}]*\}|label_replace\(timestamp\(\w+\)[^)]*\)/g) ?? [];
  return branches.join(' or ');
}

/** What vLLM writes and Loadline reads. */
const ENGINE_WRITTEN = VLLM.rows.map(({ name }) => name).filter((name) => !/gpu_cache|request_max/.test(name));

function fleetPage(gpus: number): string {
  const engines = ENGINE_WRITTEN.flatMap((name) =>
    Array.from({ length: gpus }, (_, at) => `${name}{engine="0",model_name="llama",pod="vllm-${at}"} ${at % 100}\n`),
  );
  const devices = WRITTEN.flatMap((name) =>
    Array.from({ length: gpus }, (_, at) => {
      const uuid = `GPU-604ac76c-d9cf-fef3-62e9-${String(at).padStart(12, '0')}`;
      const device = `gpu="${at % 8}",UUID="${uuid}",pci_bus_id="00000000:83:00.0",device="nvidia${at % 8}"`;
      const place = `modelName="NVIDIA H200",Hostname="node-${at >> 3}",DCGM_FI_DRIVER_VERSION="580.159.03"`;
      return `${name}{${device},${place},container="vllm",namespace="llm",pod="vllm-${at}"} ${at % 100}\n`;
    }),
  );
  return [...engines, ...devices].join('');
}
