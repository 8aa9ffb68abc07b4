import type { RecordedTick } from '../../../src/app/recorder.ts';
import type { Plan, TickInput } from '../../../src/core/control/index.ts';
import type { Sample } from '../../../src/core/topology/index.ts';
import { loaded } from '../policy/load.ts';
import { Fleet, type FleetOptions, fleetText } from './fleet.ts';

const TOKENS_PER_REQUEST = 40;

/** A fleet whose engines speak as well, and which keeps what a recorder would be given. */
export class RecordedFleet extends Fleet {
  readonly ticks: RecordedTick[] = [];
  readonly #files: RecordedTick['files'];
  readonly #tokens: number[];

  constructor(speeds: readonly number[], options: FleetOptions = {}) {
    const text = fleetText({ servers: speeds.length, ...options });
    super(loaded(text), speeds);
    this.#files = [{ name: 'fleet.yaml', text }];
    this.#tokens = speeds.map(() => 1000);
  }

  override tick(over: Partial<TickInput> = {}): Plan {
    const before = this.state;
    const given = { samples: this.#samples(), ...over };
    const plan = super.tick(given);
    this.ticks.push({ before, input: this.input(given), files: this.#files, decisions: plan.decisions });
    return plan;
  }

  #samples(): readonly Sample[] {
    return this.inFlight.flatMap((inFlight, i) => {
      this.#tokens[i] = (this.#tokens[i] ?? 0) + Math.min(inFlight, this.speeds[i] ?? 0) * TOKENS_PER_REQUEST;
      const head = {
        subject: { address: `10.0.0.${i + 1}`, port: 8000 },
        sampledAtMs: this.nowMs - 200,
        changedAtMs: this.nowMs - 200,
        source: `engine http://10.0.0.${i + 1}:8000/metrics`,
      };
      return [
        { ...head, metric: 'runningRequests', value: inFlight },
        { ...head, metric: 'waitingRequests', value: 0, changedAtMs: this.nowMs - 9000 },
        { ...head, metric: 'generationTokensTotal', value: this.#tokens[i] as number },
        { ...head, metric: 'kvUsageRatio', value: Number.NaN },
      ] satisfies Sample[];
    });
  }
}
