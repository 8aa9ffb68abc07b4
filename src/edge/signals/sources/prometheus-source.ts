import type { Sample, Subject } from '../../../core/topology/index.ts';
import { rulesKey } from '../gpu-joins.ts';
import type { PrometheusFleet } from '../prometheus-fleet.ts';
import type { Reading } from '../reading.ts';
import type { SeriesMemory } from '../series-memory.ts';
import { type Collected, type Failure, failed, type SignalSource } from '../signal-source.ts';
import type { PrometheusTarget } from '../target.ts';

/**
 * GPU metrics of one pool from a Prometheus server. Samples are about pods, else nodes, else addresses, else GPUs, as
 * `joinBy` allows; what is absent in the answer gives nothing. Ages are measured on Prometheus's own clock, so that a skew
 * between its clock and ours makes nothing look fresh or stale.
 */
export class PrometheusSource implements SignalSource {
  readonly #target: PrometheusTarget;
  readonly #fleet: PrometheusFleet;
  readonly #memory: SeriesMemory;

  constructor(target: PrometheusTarget, fleet: PrometheusFleet) {
    this.#target = target;
    this.#fleet = fleet;
    this.#memory = fleet.memoryFor(rulesKey(target), target.source);
  }

  async collect(nowMs: number, signal: AbortSignal): Promise<Collected> {
    const answer = await this.#fleet.ask('Gpus', nowMs, signal);
    if (!answer.ok) return failed(answer.failure.reason, answer.failure.message);
    const { readings, refusals, conflicts = [] } = answer.gpus.readingsFor(this.#target);
    const samples: Sample[] = [];
    for (const reading of [...readings, ...conflicts]) {
      const subject = subjectOf(reading, this.#target);
      const sample = this.#memory.sample(reading, subject, answer.receivedAtMs, answer.offsetMs);
      if (sample !== undefined) samples.push(sample);
    }
    const failure = failureOf(readings.length, refusals.length, answer.gpus.seriesCount);
    return {
      samples,
      refusals,
      badLines: answer.badElements,
      ...(answer.warning === undefined ? {} : { note: `warns: ${answer.warning}` }),
      ...(failure === undefined ? {} : { failure }),
    };
  }
}

function subjectOf({ gpu, pod, node, address }: Reading, { joinBy }: PrometheusTarget): Subject {
  const device = gpu === undefined ? {} : { gpu };
  if (joinBy.includes('Pod') && pod !== undefined) return { pod, ...device };
  if (joinBy.includes('Node') && node !== undefined) return { node, ...device };
  if (joinBy.includes('Address') && address !== undefined) return { address, ...device };
  return device;
}

function failureOf(readings: number, refusals: number, series: number): Failure | undefined {
  if (readings > 0) return undefined;
  if (refusals > 0) return { reason: 'Refused', message: 'every GPU metric was refused' };
  return {
    reason: 'NoMetrics',
    message:
      series === 0 ? 'knows no GPU metric' : 'its GPU metrics name no pod, node, address or GPU that can be joined',
  };
}
