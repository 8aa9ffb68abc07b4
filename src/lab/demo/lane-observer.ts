import type { EnvoyProcess, HostStatus } from '../../edge/envoy/index.ts';
import type { LabLane } from './lab.ts';
import { SERVICE } from './lane-policy.ts';
import { LaneSamples } from './lane-samples.ts';

/**
 * Asks the Envoys of one lane what they do, at a steady pace, and keeps the answers: the weights that they really apply
 * (so what was ACKed, whatever the controller believes) and the requests that they really issued.
 */
export class LaneObserver {
  readonly samples: LaneSamples = new LaneSamples();
  readonly #lane: LabLane;
  readonly #addresses: readonly string[];
  readonly #periodMs: number;
  readonly #clockMs: () => number;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;

  /** `clockMs` is the clock of the run. */
  constructor(lane: LabLane, periodMs: number, clockMs: () => number) {
    this.#lane = lane;
    this.#addresses = lane.servers.map(({ address, port }) => `${address}:${port}`);
    this.#periodMs = periodMs;
    this.#clockMs = clockMs;
  }

  /** `onFailure` is told when an Envoy cannot be asked any more; asking then ends. */
  start(onFailure: (error: Error) => void): void {
    this.#timer = setInterval(() => {
      // On a starved machine a round may outlast the period: the next one is then left out, not piled up.
      if (this.#asking !== undefined) return;
      this.#asking = this.#ask()
        .catch((error: Error) => {
          if (this.#timer === undefined) return;
          void this.stop();
          onFailure(error);
        })
        .finally(() => {
          this.#asking = undefined;
        });
    }, this.#periodMs);
  }

  /** Resolves when nothing is being asked any more. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const tMs = this.#clockMs();
    const answers = await Promise.all(this.#lane.envoys.map((envoy) => this.#hostsOf(envoy)));
    const weightSums = answers.map((hosts) => hosts.reduce((sum, host) => sum + (host?.weight ?? 0), 0));
    const over = (read: (host: HostStatus | undefined, envoy: number) => number): number[] =>
      this.#addresses.map((_, server) => answers.reduce((sum, hosts, envoy) => sum + read(hosts[server], envoy), 0));
    const envoyCount = answers.length;
    this.samples.add({
      tMs,
      weights: over((host) => host?.weight ?? 0).map((sum) => sum / envoyCount),
      weightShares: over((host, envoy) => (host?.weight ?? 0) / Math.max(1, weightSums[envoy]!)).map(
        (sum) => sum / envoyCount,
      ),
      issuedTotals: over((host) => host?.rqTotal ?? 0),
      inFlight: over((host) => host?.rqActive ?? 0),
    });
  }

  /** In the order of the fleet; undefined for a server that this Envoy does not have. */
  async #hostsOf(envoy: EnvoyProcess): Promise<readonly (HostStatus | undefined)[]> {
    const hosts = (await envoy.clusters())[SERVICE] ?? [];
    return this.#addresses.map((address) => hosts.find((host) => host.address === address));
  }
}
