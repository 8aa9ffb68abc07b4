import type { EngineFormatName } from '../../../core/policy/index.ts';
import type { EngineFormat } from './engine-format.ts';
import { LLAMA_CPP } from './llama-cpp.ts';
import { LM_DEPLOY } from './lm-deploy.ts';
import { NIM } from './nim.ts';
import type { EngineRow } from './row.ts';
import { SGLANG } from './sglang.ts';
import { TENSOR_RT_LLM } from './tensor-rt-llm.ts';
import { TGI } from './tgi.ts';
import { TRITON } from './triton.ts';
import { UNIX_SECONDS } from './units.ts';
import { VLLM } from './vllm.ts';

const BY_NAME: Readonly<Record<EngineFormatName, EngineFormat>> = {
  Vllm: VLLM,
  Sglang: SGLANG,
  Tgi: TGI,
  TensorRtLlm: TENSOR_RT_LLM,
  // Below its backend, whose page has Triton's names too.
  Triton: TRITON,
  LlamaCpp: LLAMA_CPP,
  LmDeploy: LM_DEPLOY,
  Nim: NIM,
};

/** In the order in which a page is tried. */
export const ENGINE_FORMATS: readonly EngineFormat[] = Object.values(BY_NAME);

/** What the client libraries add to the page of any engine. */
export const PROCESS_ROWS: readonly EngineRow[] = [
  {
    name: 'process_start_time_seconds',
    metric: 'processStartTimeSeconds',
    unit: UNIX_SECONDS,
    merge: 'Max',
    note: 'where the client library writes it',
  },
];

/** The names to look for on a page whose format is not known yet. */
export const ENGINE_NAMES: ReadonlySet<string> = new Set(ENGINE_FORMATS.flatMap((format) => [...namesOf(format)]));

type NamesByFormat = ReadonlyMap<EngineFormat | undefined, ReadonlySet<string>>;

const NAMES: NamesByFormat = new Map([
  [undefined, ENGINE_NAMES],
  ...ENGINE_FORMATS.map((format) => [format, namesOf(format)] as const),
]);
const NAMES_WITH_BUCKETS: NamesByFormat = new Map(
  [undefined, ...ENGINE_FORMATS].map((format) => [
    format,
    new Set([...wantedNames(format), ...(format === undefined ? ENGINE_FORMATS : [format]).flatMap(bucketNamesOf)]),
  ]),
);

export function engineFormat(name: EngineFormatName): EngineFormat {
  return BY_NAME[name];
}

/** The names to look for on a page of this format, or of any; `buckets`: those of its histograms as well. */
export function wantedNames(format: EngineFormat | undefined, buckets = false): ReadonlySet<string> {
  return (buckets ? NAMES_WITH_BUCKETS : NAMES).get(format) ?? ENGINE_NAMES;
}

function bucketNamesOf({ rows }: EngineFormat): readonly string[] {
  return rows.flatMap(({ buckets }) => (buckets === undefined ? [] : [buckets]));
}

function namesOf({ rows, knownBy }: EngineFormat): ReadonlySet<string> {
  const read = [...rows, ...PROCESS_ROWS].flatMap(({ name, times }) => (times === undefined ? [name] : [name, times]));
  return new Set([...knownBy.names, ...read]);
}
