import type { LaneSample } from '../../src/lab/demo/lane-samples.ts';
import { type Outcome, outcomeOf, type Request, type Scenario } from '../../src/lab/simulate/index.ts';
import type { RequestOutcome } from '../../src/lab/traffic/index.ts';

/** What one lane of a run on real Envoys came to; the same figures as in virtual time. */
export type LiveRun = {
  readonly outcome: Outcome;
  /** By second of the run, by server: how many requests the Envoys gave it. */
  readonly issued: readonly (readonly number[])[];
  /** By kind: `Status 503` → 3. */
  readonly failures: Readonly<Record<string, number>>;
};

/** The requests of a lane as the simulator counts them. */
export class LiveLane {
  readonly #requests: Request[] = [];
  readonly #failures: Record<string, number> = {};

  add({ arrival, firstTokenMs, endToEndMs, failure }: RequestOutcome): void {
    if (failure !== undefined) {
      const kind = `${failure.kind} ${failure.detail}`;
      this.#failures[kind] = (this.#failures[kind] ?? 0) + 1;
    }
    this.#requests.push({
      arrivedMs: arrival.atMs,
      outputTokens: arrival.outputTokens,
      host: undefined,
      firstTokenMs: firstTokenMs === undefined ? undefined : arrival.atMs + firstTokenMs,
      finishedMs: failure === undefined ? arrival.atMs + endToEndMs : undefined,
      failed: failure !== undefined,
    });
  }

  run(scenario: Scenario, samples: readonly LaneSample[], pushes: number): LiveRun {
    const { warmUpMs, durationMs, slo, servers } = scenario;
    const slots = servers.map(({ profile }) => profile.slots);
    const imbalances = samples.flatMap(({ tMs, inFlight }) => {
      const pressures = inFlight.map((count, at) => count / (slots[at] as number));
      const mean = pressures.reduce((sum, one) => sum + one, 0) / pressures.length;
      return tMs >= warmUpMs && tMs <= durationMs && mean > 0 ? [Math.max(...pressures) / mean] : [];
    });
    return {
      outcome: outcomeOf(this.#requests, { warmUpMs, durationMs, slo, imbalances, pushes }),
      issued: issuedOf(samples, servers.length, durationMs),
      failures: this.#failures,
    };
  }
}

/** Totals were read when they were read; what lies between two readings is taken to have been steady. */
function issuedOf(samples: readonly LaneSample[], servers: number, durationMs: number): readonly (readonly number[])[] {
  const totalAt = (server: number, atMs: number): number => {
    const after = samples.findIndex(({ tMs }) => tMs >= atMs);
    const [one, other] = [samples[after - 1], samples[after]];
    if (other === undefined) return samples.at(-1)?.issuedTotals[server] ?? 0;
    const to = other.issuedTotals[server] as number;
    if (one === undefined) return to;
    const from = one.issuedTotals[server] as number;
    return from + ((to - from) * (atMs - one.tMs)) / (other.tMs - one.tMs);
  };
  return Array.from({ length: Math.ceil(durationMs / 1000) }, (_, second) =>
    Array.from(
      { length: servers },
      (_, server) => totalAt(server, 1000 * (second + 1)) - totalAt(server, 1000 * second),
    ),
  );
}
