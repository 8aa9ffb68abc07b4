import type { Command } from 'commander';
import { LoadlineError } from '../base/errors.ts';
import { readTaintRule, type TaintRule, withOwnRules } from '../core/operations/index.ts';
import type { NodeTaints } from '../edge/agent/index.ts';
import { type ApiPlace, inCluster, isNodeName, readApiPlace } from '../edge/kubernetes/index.ts';
import { collected } from './flag-values.ts';

/** Flags of `loadline agent` about the Kubernetes node that it runs on. */
export type NodeTaintFlags = {
  readonly node?: string;
  readonly nodeTaints?: string | true;
  readonly taint: readonly string[];
  readonly kubernetesApi?: string;
  readonly kubernetesTokenFile?: string;
  readonly kubernetesCaFile?: string;
};

const FLAG_OF: Readonly<Record<string, string>> = {
  url: '--kubernetes-api',
  tokenFile: '--kubernetes-token-file',
  caFile: '--kubernetes-ca-file',
};

export function addNodeTaintFlags(command: Command): void {
  command
    .option(
      '--node-taints [NODE]',
      'watch this Kubernetes node, and have them drained when it gets a taint that says so (default: --node)',
    )
    .option(
      '--taint <KEY[=VALUE][:DURATION]>',
      'a taint that says so too, and how long the machine then still runs (default: 2m); KEY:off takes one out; may be repeated',
      collected,
      [],
    )
    .option('--kubernetes-api <URL>', 'where the Kubernetes API is (default: that of the cluster of this pod)')
    .option('--kubernetes-token-file <FILE>', 'bearer token for it, read with each request')
    .option('--kubernetes-ca-file <FILE>', 'authority of its certificate, PEM');
}

/** Undefined: taints are not watched. @throws LoadlineError LOADLINE_CONFIG */
export function nodeTaintsOf(
  flags: NodeTaintFlags,
  env: Readonly<Record<string, string | undefined>>,
): NodeTaints | undefined {
  const { nodeTaints, taint, node: named } = flags;
  const place = placeOf(flags);
  if (nodeTaints === undefined) {
    if (taint.length > 0 || place !== undefined) throw usage('--taint and --kubernetes-… are for --node-taints NODE');
    return undefined;
  }
  const node = nodeTaints === true ? named : nodeTaints;
  if (node === undefined || node === '')
    throw usage('--node-taints: which node? Give its name, in a pod that of spec.nodeName, or --node');
  if (!isNodeName(node)) throw usage(`--node-taints: '${node.slice(0, 80)}' is no name of a Kubernetes node`);
  const api = place ?? inCluster(env);
  if (api === undefined)
    throw usage('--node-taints: this is no pod of a cluster; say with --kubernetes-api where its API is');
  return { node, api, rules: rulesOf(taint) };
}

function placeOf({ kubernetesApi, kubernetesTokenFile, kubernetesCaFile }: NodeTaintFlags): ApiPlace | undefined {
  if (kubernetesApi === undefined) {
    if (kubernetesTokenFile === undefined && kubernetesCaFile === undefined) return undefined;
    throw usage('--kubernetes-token-file and --kubernetes-ca-file are for --kubernetes-api URL');
  }
  const files = {
    ...(kubernetesTokenFile === undefined ? {} : { tokenFile: kubernetesTokenFile }),
    ...(kubernetesCaFile === undefined ? {} : { caFile: kubernetesCaFile }),
  };
  const place = readApiPlace({ url: kubernetesApi, ...files });
  if (place.ok) return place.value;
  const [{ path, message } = { path: 'url', message: 'unusable' }] = place.issues;
  throw usage(`${FLAG_OF[path]}: ${message}`);
}

function rulesOf(texts: readonly string[]): readonly TaintRule[] {
  const own: TaintRule[] = [];
  const off: string[] = [];
  for (const text of texts) {
    const read = readTaintRule(text);
    if (!read.ok) throw usage(`--taint ${text.slice(0, 80)}: ${read.issues[0]?.message}`);
    if (read.value.kind === 'Off') off.push(read.value.key);
    else own.push(read.value.rule);
  }
  return withOwnRules(own, off);
}

function usage(message: string): LoadlineError {
  return new LoadlineError('LOADLINE_CONFIG', message);
}
