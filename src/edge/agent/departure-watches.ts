import { readFile } from 'node:fs/promises';
import type { Random } from '../../base/units/index.ts';
import type { Machine, Notice } from '../../core/operations/index.ts';
import { hostPort } from '../../core/topology/index.ts';
import { type ByHandClient, connectByHand, readTokenFile } from '../admin/index.ts';
import { ApiClient, ObjectWatch } from '../kubernetes/index.ts';
import type { SignalLog, Timers } from '../signals/index.ts';
import type { AgentOptions, NodeTaints } from './agent.ts';
import { InstanceMetadata } from './instance-metadata.ts';
import { InterruptionWatch } from './interruption-watch.ts';
import { NodeTaintWatch } from './node-taint-watch.ts';

/** Hears whether this machine goes away, and tells the server. */
export interface DepartureWatch {
  start(): void;
  stop(): void;
}

type Surroundings = {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly random: Random;
  readonly timers: Timers;
  readonly log: SignalLog;
};

/** Those that the operator asked for. */
export function departureWatches(options: AgentOptions, around: Surroundings): readonly DepartureWatch[] {
  const { metadata, taints } = options;
  return [
    ...(metadata === undefined ? [] : [interruptionWatch(options, metadata, around)]),
    ...(taints === undefined ? [] : [nodeWatch(options, taints, around)]),
  ];
}

function interruptionWatch(options: AgentOptions, metadata: string, { timers, log }: Surroundings): DepartureWatch {
  return new InterruptionWatch({
    metadata: new InstanceMetadata(metadata),
    machines: machinesOf(options),
    give: toServer(options, (client, notice) => client.giveNotice(notice)),
    timers,
    log,
  });
}

function nodeWatch(
  options: AgentOptions,
  { node, api, rules }: NodeTaints,
  { clock, random, timers, log }: Surroundings,
): DepartureWatch {
  const { url, tokenFile, caFile } = api;
  const taints = new NodeTaintWatch({
    node,
    rules,
    machines: machinesOf(options),
    give: toServer(options, (client, notice) => client.giveNotice(notice)),
    withdraw: toServer(options, (client, notice) => client.withdrawNotice(notice)),
    clock,
    timers,
    random,
    log,
  });
  const watch = new ObjectWatch({
    api: new ApiClient({
      url,
      token: tokenFile === undefined ? undefined : () => readTokenFile(tokenFile),
      ca: caFile === undefined ? undefined : () => readFile(caFile, 'utf8'),
    }),
    path: '/api/v1/nodes',
    name: node,
    seen: (object) => {
      if (object === undefined) log.warn({ node }, 'the Kubernetes API knows no such node');
      taints.observe(object);
    },
    troubled: (words) => {
      if (words === undefined) log.info({ node }, 'node taints are read again');
      else log.warn({ node, error: `the Kubernetes API ${words}` }, 'node taints cannot be read');
    },
    timers,
    random,
  });
  return {
    start: () => watch.start(),
    stop() {
      watch.stop();
      taints.stop();
    },
  };
}

/** The servers that this agent was told of. */
function machinesOf({ endpoints, engines }: AgentOptions): readonly Machine[] {
  const places = new Map([...endpoints, ...engines].map((one) => [hostPort(one.address, one.port), one] as const));
  return [...places.values()].map(({ address, port }) => ({ kind: 'Address', address, port }));
}

/** A connection for each word about a notice: there is hardly ever one. */
function toServer<T>(
  { server, tls }: AgentOptions,
  say: (client: ByHandClient, notice: Notice) => Promise<T>,
): (notice: Notice) => Promise<T> {
  return async (notice) => {
    const client = connectByHand(server, { tls });
    try {
      return await say(client, notice);
    } finally {
      client.close();
    }
  };
}
