import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../base/codec/index.ts';
import { bootstrap } from '../../core/resources/index.ts';
import { type EnvoyProcess, envoyVersion, findEnvoy, startEnvoy } from '../../edge/envoy/index.ts';
import type { Target } from '../traffic/index.ts';
import type { FleetServer } from './fleet.ts';
import { FleetProcess } from './fleet-process.ts';
import { freePorts } from './free-ports.ts';
import {
  GROUP,
  type LanePolicyOptions,
  type LaneServer,
  LISTENER,
  lanePolicyText,
  readLanePolicy,
} from './lane-policy.ts';
import { LoadlineProcess } from './loadline-process.ts';
import { staticBootstrap } from './static-lane.ts';

export const LANES = ['leastRequest', 'loadline'] as const;
export type LaneName = (typeof LANES)[number];

export type LabOptions = LanePolicyOptions & {
  /** Per lane. */
  readonly sidecars: number;
};

export type LabLane = {
  readonly name: LaneName;
  readonly servers: readonly LaneServer[];
  readonly envoys: readonly EnvoyProcess[];
  /** Where clients send. */
  readonly targets: readonly Target[];
};

const READY_TIMEOUT_MS = 30_000;

/** Everything that runs beside the traffic. A part that ends before `stop` is called rejects `broken`. */
export class Lab {
  readonly envoyVersion: string;
  readonly folder: string;
  readonly fleet: FleetProcess;
  readonly loadline: LoadlineProcess;
  readonly lanes: readonly LabLane[];
  readonly broken: Promise<never>;
  #stopping = false;

  private constructor(parts: Pick<Lab, 'envoyVersion' | 'folder' | 'fleet' | 'loadline' | 'lanes'>) {
    this.envoyVersion = parts.envoyVersion;
    this.folder = parts.folder;
    this.fleet = parts.fleet;
    this.loadline = parts.loadline;
    this.lanes = parts.lanes;
    this.broken = new Promise((_, reject) => {
      const fail = (error: Error): void => {
        if (!this.#stopping) reject(error);
      };
      for (const child of [this.fleet.child, this.loadline.child]) {
        void child.exited.then((how) => fail(child.failure(how)));
      }
      for (const { name, envoys } of this.lanes) {
        for (const envoy of envoys) {
          const what = (): Error => envoy.failure(`an Envoy of lane ${name} ended`);
          void envoy.exited.then(() => fail(what()));
        }
      }
    });
    // Whoever waits for the run races it; a failure after the last waiter is no unhandled rejection.
    this.broken.catch(() => undefined);
  }

  /**
   * Starts model servers, Loadline and Envoys, in this order, and waits until every Envoy has its configuration. When
   * that fails, what had started is ended; the folder with the logs stays, because the error names them.
   */
  static async start(options: LabOptions, fleet: readonly FleetServer[], say: (line: string) => void): Promise<Lab> {
    const folder = await mkdtemp(join(tmpdir(), 'loadline-demo-'));
    const undo: (() => Promise<unknown>)[] = [];
    try {
      const binary = await findEnvoy({ log: say });
      const version = await envoyVersion(binary);
      say(`Envoy ${version}; logs are in ${folder}`);
      const fleetProcess = await FleetProcess.start(fleet, LANES.length, folder);
      undo.push(() => fleetProcess.child.stop());

      const ports = await freePorts(options.sidecars * LANES.length);
      const portsOf = (lane: number): readonly number[] =>
        ports.slice(lane * options.sidecars, (lane + 1) * options.sidecars);
      const policyTexts = fleetProcess.lanes.map((servers, lane) =>
        lanePolicyText(servers, portsOf(lane)[0]!, options),
      );
      const staticPolicy = readLanePolicy(policyTexts[0]!);
      const loadline = await LoadlineProcess.start(policyTexts[1]!, folder);
      undo.push(() => loadline.child.stop());

      const bootstraps: Readonly<Record<LaneName, (sidecar: number, listenAt: string) => JsonObject>> = {
        leastRequest: (_, listenAt) => staticBootstrap(staticPolicy, listenAt, releaseOf(version)),
        loadline: (sidecar, listenAt) =>
          bootstrap({
            nodeId: `sidecar-${sidecar + 1}`,
            group: GROUP,
            xds: [loadline.addresses.xds],
            listeners: { [LISTENER]: listenAt },
          }),
      };
      const lanes: LabLane[] = [];
      for (const [lane, name] of LANES.entries()) {
        const envoys: EnvoyProcess[] = [];
        for (const [sidecar, port] of portsOf(lane).entries()) {
          const config = bootstraps[name](sidecar, `127.0.0.1:${port}`);
          await writeFile(join(folder, `envoy-${name}-${sidecar + 1}.json`), JSON.stringify(config, undefined, 2));
          const envoy = await startEnvoy({ binary, bootstrap: config });
          undo.push(() => envoy.stop());
          envoys.push(envoy);
        }
        await Promise.all(envoys.map((envoy) => envoy.ready(READY_TIMEOUT_MS)));
        lanes.push({
          name,
          envoys,
          servers: fleetProcess.lanes[lane]!,
          targets: portsOf(lane).map((port) => ({ host: '127.0.0.1', port })),
        });
      }
      return new Lab({ envoyVersion: version, folder, fleet: fleetProcess, loadline, lanes });
    } catch (error) {
      for (const step of undo.reverse()) await step();
      throw error;
    }
  }

  /** Ends every process. The folder with the logs goes too, unless somebody has to read them. */
  async stop(logs: 'Keep' | 'Remove'): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.lanes.flatMap(({ envoys }) => envoys.map((envoy) => envoy.stop())));
    await Promise.all([this.loadline.child.stop(), this.fleet.child.stop()]);
    if (logs === 'Remove') await rm(this.folder, { recursive: true, force: true });
  }
}

/** `1.40.0` → `1.40`. */
function releaseOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
