import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEngineJson } from '../src/edge/signals/engine-json.ts';
import { scanExposition } from '../src/edge/signals/exposition.ts';
import type { Series } from '../src/edge/signals/exposition-line.ts';
import { ENGINE_NAMES } from '../src/edge/signals/formats/engine-formats.ts';
import { GPU_NAMES } from '../src/edge/signals/formats/gpu-formats.ts';
import type { MetricRow } from '../src/edge/signals/formats/row.ts';
import { seriesOfCsv } from '../src/edge/signals/nvidia-smi/csv-series.ts';
import { checkedValue } from '../src/edge/signals/reading.ts';

const FOLDER = 'test/edge/signals/fixtures';

/** The pages of the tests that stand for each format, by its title; what the first lacks the next may have. */
const FIXTURES: Readonly<Record<string, readonly string[]>> = {
  vLLM: ['vllm.metrics', 'vllm-old-names.metrics', 'python-client.metrics'],
  SGLang: ['sglang.metrics', 'sglang-loads.json'],
  TGI: ['tgi.metrics'],
  'TensorRT-LLM': ['triton-tensor-rt-llm.metrics', 'trtllm-serve.metrics'],
  Triton: ['triton.metrics'],
  'llama.cpp': ['llama-cpp.metrics'],
  LMDeploy: ['lm-deploy.metrics'],
  NIM: ['nim.metrics'],
  'dcgm-exporter up to 4.8': ['dcgm-generation-1.metrics', 'dcgm-mig.metrics'],
  'dcgm-exporter from 4.9': ['dcgm-generation-2.metrics'],
  nvidia_gpu_exporter: ['nvidia-gpu-exporter-h200-load.metrics', 'nvidia-gpu-exporter-h100-mig-load.metrics'],
  'AMD device-metrics-exporter': ['amd.metrics'],
  'Intel Gaudi metric exporter': ['gaudi.metrics'],
  'Huawei Ascend npu-exporter': ['ascend.metrics'],
  'all-smi': ['all-smi.metrics'],
  'output of nvidia-smi': ['nvidia-smi-h200-load.csv', 'nvidia-smi-h100-mig-load.csv'],
};

/** Where the pages are, as links from docs/reference. */
export function fixtureLinks(title: string): string {
  return fixturesOf(title)
    .map((file) => `[${file}](../../${FOLDER}/${file})`)
    .join(', ');
}

/**
 * The first believable value of a row on the pages of its format, as it stands there and as it is read; '–' where no page
 * has it. Several engines of one page are not merged here: it is an example of a series.
 */
export function exampleOf(title: string, row: MetricRow): string {
  for (const file of fixturesOf(title)) {
    for (const { name, labels, value } of seriesOf(file)) {
      const selected = Object.entries(row.select ?? {}).every(
        ([label, wanted]) => (labels.get(label) ?? '') === wanted,
      );
      const read = name === row.name && selected ? checkedValue(row, value) : undefined;
      if (read !== undefined && 'value' in read) return `${value} → ${Number(read.value.toPrecision(12))}`;
    }
  }
  return '–';
}

function fixturesOf(title: string): readonly string[] {
  const files = FIXTURES[title];
  if (files === undefined) throw new Error(`no fixture stands for the format '${title}': add it to ${FOLDER}`);
  return files;
}

const pages = new Map<string, readonly Series[]>();

function seriesOf(file: string): readonly Series[] {
  const known = pages.get(file) ?? read(file, readFileSync(join(import.meta.dirname, '..', FOLDER, file), 'utf8'));
  pages.set(file, known);
  return known;
}

function read(file: string, text: string): readonly Series[] {
  if (file.endsWith('.json')) {
    const answer = readEngineJson(text, undefined);
    return answer.ok ? answer.series : [];
  }
  if (file.endsWith('.csv')) {
    const answer = seriesOfCsv(text, undefined);
    return 'series' in answer ? answer.series : [];
  }
  return scanExposition(text, { wanted: new Set([...ENGINE_NAMES, ...GPU_NAMES]) }).series;
}
