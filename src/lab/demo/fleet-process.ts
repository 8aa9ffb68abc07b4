import { join } from 'node:path';
import { LoadlineError } from '../../base/errors.ts';
import type { Fault, ModelServersConfig, Place, ProfileInput } from '../modelserver/index.ts';
import { Child } from './child.ts';
import { ENGINE, type FleetServer } from './fleet.ts';
import type { LaneServer } from './lane-policy.ts';

const START_TIMEOUT_MS = 20_000;

/** GPU names are for people who look at the exporters. */
const GENERATION_GPU = { new: { base: 'wide' }, old: { base: 'slow' } } as const;

/** One process with the same fleet once for each lane. */
export class FleetProcess {
  readonly child: Child;
  readonly #controlAddress: string;
  /** By lane, in the order of the fleet. */
  readonly lanes: readonly (readonly LaneServer[])[];

  private constructor(child: Child, controlAddress: string, lanes: readonly (readonly LaneServer[])[]) {
    this.child = child;
    this.#controlAddress = controlAddress;
    this.lanes = lanes;
  }

  static async start(fleet: readonly FleetServer[], laneCount: number, folder: string): Promise<FleetProcess> {
    const config: ModelServersConfig = {
      count: fleet.length * laneCount,
      firstPort: 0,
      control: '127.0.0.1:0',
      profiles: fleet.map(profileOf),
    };
    const child = new Child({
      name: 'model servers',
      module: siblingModule('model-server-process'),
      args: [JSON.stringify(config)],
      logFile: join(folder, 'model-servers.log'),
      channel: true,
    });
    try {
      const { servers, controlAddress } = await child.awaitMessage<{ servers: Place[]; controlAddress: string }>(
        START_TIMEOUT_MS,
      );
      const lanes = Array.from({ length: laneCount }, (_, lane) =>
        fleet.map((server, index) => ({ ...server, ...servers[lane * fleet.length + index]! })),
      );
      return new FleetProcess(child, controlAddress, lanes);
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  get controlUrl(): string {
    return `http://${this.#controlAddress}/servers`;
  }

  /** Sets the fault of one server in every lane; `{}` heals. */
  async faultInAllLanes(server: number, fault: Fault): Promise<void> {
    const perLane = this.lanes[0]!.length;
    await Promise.all(
      this.lanes.map(async (_, lane) => {
        const url = `${this.controlUrl}/${lane * perLane + server}/fault`;
        const answer = await fetch(url, { method: 'POST', body: JSON.stringify(fault) });
        if (!answer.ok) throw new LoadlineError('LOADLINE_LAB', `${url}: ${answer.status} ${await answer.text()}`);
      }),
    );
  }
}

function profileOf({ name, generation, slots, speed, engine }: FleetServer): ProfileInput {
  return { ...GENERATION_GPU[generation], ...ENGINE, ...engine, name, slots, speed };
}

/** Path of a module of this folder: `.js` when built, `.ts` when the sources are run. */
function siblingModule(name: string): string {
  const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js';
  return join(import.meta.dirname, `${name}.${extension}`);
}
