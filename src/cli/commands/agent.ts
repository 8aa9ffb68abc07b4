import { type Command, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import { formatDuration, parseAddress, parseDurationMs } from '../../base/units/index.ts';
import type { AgentEndpoint, AgentOptions } from '../../edge/agent/index.ts';
import type { LogLevel } from '../../edge/observe/index.ts';
import type { Io } from '../io.ts';
import type { Finish } from '../main.ts';
import { addNodeTaintFlags, type NodeTaintFlags, nodeTaintsOf } from '../node-taint-flags.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { LEVELS } from './serve.ts';
import { DEFAULT_ADMIN } from './status.ts';

type Flags = TlsFlags &
  NodeTaintFlags & {
    readonly server: string;
    readonly name?: string;
    readonly node?: string;
    readonly pod?: string;
    readonly interval: string;
    readonly nvidiaSmi?: string | true;
    readonly gpuExporter?: string;
    readonly engine: readonly string[];
    readonly endpoint: readonly string[];
    readonly spotNotices?: string | true;
    readonly logLevel: LogLevel;
  };

/** Where a machine of EC2 asks about itself. It hands out credentials too, so it is asked only where the operator says so. */
const METADATA_URL = 'http://169.254.169.254';
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 10_000;

export function addAgent(program: Command, _io: Io, finish: Finish): void {
  const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  const command = program
    .command('agent')
    .description(
      'run beside the GPUs: read nvidia-smi or exporters and engines of this machine, and push to the server',
    )
    .option('--server <ADDR>', 'admin address of the server', DEFAULT_ADMIN)
    .option('--name <NAME>', 'what the server calls this agent (default: the name of the host)')
    .option('--node <NAME>', 'the node whose GPUs these are, as discovery calls it')
    .option('--pod <NAME>', 'the pod whose GPUs these are')
    .option('--interval <DURATION>', 'how often to read and to push, 100ms to 10s', '1s')
    .option('--nvidia-smi [PATH]', 'read the GPUs with nvidia-smi (of the PATH of this process, where none is given)')
    .option('--gpu-exporter <URL>', 'read the GPUs from an exporter on this machine instead')
    .option('--engine <ADDR=URL>', 'metrics page of the model server at ADDR; may be repeated', collect, [])
    .option(
      '--endpoint <ADDR[=GPU,...]>',
      'the model server whose GPUs these are, or these UUIDs of them; may be repeated (default: the engine, where there is one)',
      collect,
      [],
    )
    .option(
      '--spot-notices [URL]',
      `ask the instance metadata service of this machine whether it goes away, and have the servers of --endpoint and --engine drained then (default: ${METADATA_URL})`,
    )
    .addOption(new Option('--log-level <LEVEL>', 'least level that is logged').choices(LEVELS).default('info'));
  addNodeTaintFlags(command);
  addTlsFlags(command)
    .addHelpText(
      'after',
      `
Only pools whose policy has signals.push are spoken for. ADDR is the address and port on which the model server serves, as in the policy.

Examples:
  loadline agent --server 127.0.0.1:18001 --nvidia-smi --engine 10.0.0.1:8000=http://127.0.0.1:8000/metrics
  loadline agent --nvidia-smi --endpoint 10.0.0.1:8000=GPU-5ca1ab1e,GPU-c0ffee00 --endpoint 10.0.0.1:8001=GPU-ba5eba11
  loadline agent --gpu-exporter http://127.0.0.1:9400/metrics --node gpu-node-7
  loadline agent --spot-notices --endpoint 10.0.0.1:8000
  loadline agent --node-taints gpu-node-7 --taint example.com/goes-away:5m`,
    )
    .action(async (flags: Flags) => {
      const options = await optionsOf(flags);
      const { runAgent } = await import('../../edge/agent/index.ts');
      finish(await runAgent({ ...options, logLevel: flags.logLevel }));
    });
}

async function optionsOf(flags: Flags): Promise<AgentOptions> {
  const { server, node, pod, nvidiaSmi, gpuExporter, spotNotices } = flags;
  const dialled = parseAddress(server);
  if (!dialled.ok) throw usage(`--server: ${dialled.issues[0]?.message}`);
  const intervalMs = parseDurationMs(flags.interval);
  if (intervalMs === undefined || intervalMs < MIN_INTERVAL_MS || intervalMs > MAX_INTERVAL_MS) {
    const range = `${formatDuration(MIN_INTERVAL_MS)}..${formatDuration(MAX_INTERVAL_MS)}`;
    throw usage(`--interval ${flags.interval}: expected a duration ${range}`);
  }
  if (nvidiaSmi !== undefined && gpuExporter !== undefined) {
    throw usage('either --nvidia-smi or --gpu-exporter, not both: each would speak of the same GPUs');
  }
  const engines = flags.engine.map((text) => {
    const [address, url] = halves(text);
    if (url === undefined) throw usage(`--engine ${text}: expected ADDR=URL`);
    return { ...endpointOf('--engine', address), url: pageUrl('--engine', url) };
  });
  const endpoints = flags.endpoint.map((text): AgentEndpoint => {
    const [address, list] = halves(text);
    const place = endpointOf('--endpoint', address);
    return list === undefined ? place : { ...place, gpus: gpusOf(text, list) };
  });
  const taints = nodeTaintsOf(flags, process.env);
  const reads = [nvidiaSmi, gpuExporter, engines[0], spotNotices, taints];
  if (reads.every((one) => one === undefined)) {
    throw usage(
      'nothing to read: give --nvidia-smi, --gpu-exporter URL, --engine ADDR=URL, --spot-notices or --node-taints NODE',
    );
  }
  const gpus: AgentOptions['gpus'] =
    gpuExporter !== undefined
      ? { kind: 'Exporter', url: pageUrl('--gpu-exporter', gpuExporter) }
      : nvidiaSmi === undefined
        ? undefined
        : { kind: 'NvidiaSmi', path: nvidiaSmi === true ? 'nvidia-smi' : nvidiaSmi };
  if (gpus !== undefined && node === undefined && pod === undefined && endpoints.length === 0 && engines.length !== 1) {
    throw usage('nobody is told whose the GPUs are: give --endpoint ADDR, --node or --pod');
  }
  const tls = tlsOf(flags);
  const name = flags.name ?? (await import('node:os')).hostname();
  return {
    server,
    name,
    intervalMs,
    engines,
    endpoints,
    tls,
    ...(node === undefined ? {} : { node }),
    ...(pod === undefined ? {} : { pod }),
    ...(gpus === undefined ? {} : { gpus }),
    ...(spotNotices === undefined ? {} : { metadata: spotNotices === true ? METADATA_URL : metadataUrl(spotNotices) }),
    ...(taints === undefined ? {} : { taints }),
  };
}

function halves(text: string): readonly [string, string | undefined] {
  const at = text.indexOf('=');
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function endpointOf(flag: string, text: string): { readonly address: string; readonly port: number } {
  const address = parseAddress(text);
  if (!address.ok) throw usage(`${flag}: ${address.issues[0]?.message}`);
  const { value } = address;
  const numeric = value.kind === 'tcp' && (value.host.includes(':') || /^\d+(?:\.\d+){3}$/.test(value.host));
  if (value.kind !== 'tcp' || !numeric || value.port === 0) {
    throw usage(`${flag} ${text}: expected the IP address and port on which the model server serves, as in the policy`);
  }
  const canonical = value.host.includes(':') ? new URL(`http://[${value.host}]/`).hostname.slice(1, -1) : value.host;
  return { address: canonical, port: value.port };
}

function gpusOf(text: string, list: string): readonly string[] {
  const gpus = list.split(',');
  const odd = gpus.find((gpu) => !/^(?:GPU|MIG)-[\w./-]{1,120}$/.test(gpu));
  if (odd !== undefined) throw usage(`--endpoint ${text}: '${odd}' is no UUID of a GPU; nvidia-smi -L prints them`);
  return gpus;
}

function pageUrl(flag: string, text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw usage(`${flag}: expected a URL such as http://127.0.0.1:8000/metrics, got '${text}'`);
}

function metadataUrl(text: string): string {
  if (/^http:\/\/[^/?#@]+\/?$/.test(text) && URL.canParse(text)) return text;
  throw usage(`--spot-notices ${text}: expected a URL without a path, such as http://169.254.169.254`);
}

function usage(message: string): LoadlineError {
  return new LoadlineError('LOADLINE_CONFIG', message);
}
