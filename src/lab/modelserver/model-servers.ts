import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { LoadlineError } from '../../base/errors.ts';
import { seededRandom } from '../../base/units/index.ts';
import { controlApi } from './control-api.ts';
import { type Fault, parseFault } from './fault.ts';
import { GpuExporter } from './gpu-exporter.ts';
import { HttpListener } from './http-listener.ts';
import { ModelServer } from './model-server.ts';
import { type ProfileInput, resolveProfile } from './profile-input.ts';
import type { ServerProfile } from './server-profile.ts';
import { type Place, type ServerStatus, serverStatus } from './server-status.ts';

const DEFAULT_ADDRESS = '127.0.0.1';
const DEFAULT_GPU_PORT_OFFSET = 100;
const MOST_SERVERS = 1000;
/** Free ports are looked for below the range from which systems take the local ports of outgoing connections. */
const FREE_PORTS = { least: 10_240, most: 32_000 };
const FREE_PORT_TRIES = 200;

export type ModelServersConfig = {
  readonly count: number;
  /** 0: free ports. Otherwise server i listens on `firstPort + i`. */
  readonly firstPort: number;
  /** The GPU exporter of a server listens on the server's port plus this. Default 100. */
  readonly gpuPortOffset?: number;
  /** Where the control API listens, `127.0.0.1:9100`; port 0 for a free one. Absent: nowhere. */
  readonly control?: string;
  /** Server i has profile `i % length`. Default: all `standard`. */
  readonly profiles?: readonly (string | ProfileInput | ServerProfile)[];
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Decides which requests a `failRatio` hits. */
  readonly seed?: number;
  /** For profiles (given as `ProfileInput`) that do not name theirs. */
  readonly dcgmGeneration?: 1 | 2;
};

export type ModelServers = {
  readonly servers: readonly Place[];
  readonly controlAddress: string | undefined;
  /** Replaces the fault of server `index`; `{}` heals. Rejects with LOADLINE_LAB on a bad index or fault. */
  readonly fault: (index: number, fault: Fault) => Promise<void>;
  readonly snapshot: () => readonly ServerStatus[];
  /** Closes everything. A second call does nothing. */
  readonly stop: () => Promise<void>;
};

type Member = { readonly server: ModelServer; readonly exporter: GpuExporter };

/** Starts simulated model servers. Rejects with LOADLINE_LAB when a port is taken or the config is bad. */
export async function startModelServers(config: ModelServersConfig): Promise<ModelServers> {
  const address = config.address ?? DEFAULT_ADDRESS;
  const offset = config.gpuPortOffset ?? DEFAULT_GPU_PORT_OFFSET;
  const profiles = checkedProfiles(config);
  checkPorts(config.count, config.firstPort, offset);
  const control = config.control === undefined ? undefined : parseAddress(config.control);

  const now = (): number => performance.now();
  const members: Member[] = [];
  let controlListener: HttpListener | undefined;
  let stopped = false;
  /** One change of a server at a time: a crash and its healing must not overtake each other. */
  const queues = new Map<number, Promise<void>>();

  const snapshot = (): readonly ServerStatus[] =>
    members.map(({ server }, index) => serverStatus(server, index, places[index] as Place));

  const fault = async (index: number, wanted: Fault): Promise<void> => {
    const member = members[index];
    if (member === undefined) throw bad(`there is no server ${index}; allowed are 0 to ${members.length - 1}`);
    const parsed = parseFault(wanted);
    if (!parsed.ok) throw bad(parsed.issues.map(({ message }) => message).join('; '));
    const change = (queues.get(index) ?? Promise.resolve()).then(async () => {
      if (stopped) throw bad('the model servers are stopped');
      // The exporter first: it collects what the GPU did until now.
      member.exporter.setFault(parsed.value);
      await member.server.setFault(parsed.value);
    });
    const quiet = change.catch(() => undefined);
    queues.set(index, quiet);
    await change;
  };

  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await Promise.all(queues.values());
    await controlListener?.close();
    await Promise.all(members.flatMap(({ server, exporter }) => [server.stop(), exporter.stop()]));
  };

  const places: Place[] = [];
  try {
    for (let index = 0; index < config.count; index += 1) {
      const profile = profiles[index % profiles.length] as ServerProfile;
      const random = seededRandom((config.seed ?? 1) * 1009 + index);
      const server = new ModelServer(profile, { address, index, now, wallClock: Date.now, random });
      const exporter = new GpuExporter(server, address, index, now);
      members.push({ server, exporter });
      if (config.firstPort === 0) await listenOnFreePair(server, exporter, index, offset);
      else await listenOnPair(server, exporter, index, config.firstPort + index, offset);
      exporter.start();
      places.push({ address, port: server.listener.port, gpuPort: exporter.listener.port });
    }
    if (control !== undefined) {
      controlListener = new HttpListener(control.host, controlApi({ size: config.count, snapshot, fault }));
      await controlListener.listen(control.port, 'the control API');
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const controlAddress = control === undefined ? undefined : `${control.host}:${controlListener?.port}`;
  return { servers: places, controlAddress, fault, snapshot, stop };
}

async function listenOnPair(
  server: ModelServer,
  exporter: GpuExporter,
  index: number,
  port: number,
  offset: number,
): Promise<void> {
  await server.listener.listen(port, `model server ${index}`);
  await exporter.listener.listen(port + offset, `the GPU exporter of model server ${index}`);
}

async function listenOnFreePair(
  server: ModelServer,
  exporter: GpuExporter,
  index: number,
  offset: number,
): Promise<void> {
  const least = Math.max(FREE_PORTS.least, FREE_PORTS.least - offset);
  const most = Math.min(FREE_PORTS.most, FREE_PORTS.most - offset);
  for (let tries = 1; ; tries += 1) {
    try {
      // Not seeded: two runs with one seed at the same time must not look for the same ports.
      return await listenOnPair(server, exporter, index, randomInt(least, most + 1), offset);
    } catch (error) {
      await server.listener.close();
      if (tries === FREE_PORT_TRIES) throw error;
    }
  }
}

function checkedProfiles(config: ModelServersConfig): readonly ServerProfile[] {
  const defaults: ProfileInput = config.dcgmGeneration === undefined ? {} : { dcgm: config.dcgmGeneration };
  const inputs = config.profiles ?? ['standard'];
  if (inputs.length === 0) throw bad('profiles must not be empty');
  return inputs.map((input, index) => {
    if (typeof input === 'object' && 'gpuPeriodMs' in input) return input;
    const resolved = resolveProfile(input, defaults);
    if (resolved.ok) return resolved.profile;
    throw bad(`profiles[${index}]: ${resolved.findings.map(({ message }) => message).join('; ')}`);
  });
}

function checkPorts(count: number, firstPort: number, offset: number): void {
  if (!Number.isInteger(count) || count < 1 || count > MOST_SERVERS) {
    throw bad(`count must be an integer from 1 to ${MOST_SERVERS}, not ${count}`);
  }
  if (!Number.isInteger(firstPort) || firstPort < 0)
    throw bad(`the port must be an integer, 0 or more, not ${firstPort}`);
  const room = FREE_PORTS.most - FREE_PORTS.least;
  if (!Number.isInteger(offset) || offset === 0 || (firstPort === 0 && Math.abs(offset) >= room)) {
    throw bad(`the GPU port offset must be an integer other than 0 (with free ports at most ${room}), not ${offset}`);
  }
  if (firstPort === 0) return;
  if (Math.abs(offset) < count) {
    throw bad(`the GPU port offset ${offset} is too small for ${count} servers: ports would be used twice`);
  }
  const least = Math.min(firstPort, firstPort + offset);
  const most = Math.max(firstPort, firstPort + offset) + count - 1;
  if (least < 1 || most > 65_535) throw bad(`ports ${least} to ${most} are needed; allowed are 1 to 65535`);
}

function parseAddress(text: string): { readonly host: string; readonly port: number } {
  const match = /^([^:\s]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw bad(`the control address must be HOST:PORT, such as 127.0.0.1:9100, not "${text}"`);
  }
  return { host: match[1] as string, port };
}

function bad(message: string): LoadlineError {
  return new LoadlineError('LOADLINE_LAB', message);
}
