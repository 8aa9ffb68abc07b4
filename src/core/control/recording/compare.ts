import { type ServiceDecision, sameWeights } from '../../weights/index.ts';

/** The first tick in which a replay came to another weight than the recording has. */
export type FirstDifference = {
  /** Line of the file, from 1, and ordinal of the tick, from 1. */
  readonly line: number;
  readonly tick: number;
  readonly atMs: number;
  readonly endpoint: string;
  /** `Sent` to Envoys, or only `Computed` (weights in shadow). */
  readonly weights: 'Sent' | 'Computed';
  /** null: there was no such endpoint. A draining one takes no requests, whatever its weight. */
  readonly recorded: number | 'Draining' | null;
  readonly replayed: number | 'Draining' | null;
};

export type ServiceComparison = {
  readonly service: string;
  readonly ticks: number;
  /** Ticks whose weights differ from those of the tick before. */
  readonly pushesRecorded: number;
  readonly pushesReplayed: number;
  readonly ticksThatDiffer: number;
  readonly firstDifference: FirstDifference | null;
  /** |recorded − replayed| over all endpoints and ticks, in weights of 1..1000. */
  readonly meanDifference: number;
  readonly maxDifference: number;
};

type Difference = Pick<FirstDifference, 'endpoint' | 'weights' | 'recorded' | 'replayed'>;

/** Adds up what two decisions a tick about one service differ in. */
export class ServiceComparer {
  readonly #service: string;
  #ticks = 0;
  #pushes = { recorded: 0, replayed: 0 };
  #before: { recorded?: ServiceDecision | undefined; replayed?: ServiceDecision | undefined } = {};
  #ticksThatDiffer = 0;
  #first: FirstDifference | null = null;
  #sum = 0;
  #count = 0;
  #max = 0;

  constructor(service: string) {
    this.#service = service;
  }

  /** What stands without having been pushed: the weights of a state from which a recording goes on. */
  startFrom(recorded: ServiceDecision | undefined, replayed: ServiceDecision | undefined): void {
    this.#before = { recorded, replayed };
  }

  take(
    recorded: ServiceDecision | undefined,
    replayed: ServiceDecision | undefined,
    where: { readonly line: number; readonly tick: number; readonly atMs: number },
  ): void {
    this.#ticks += 1;
    if (!sameWeights(this.#before.recorded, recorded)) this.#pushes.recorded += 1;
    if (!sameWeights(this.#before.replayed, replayed)) this.#pushes.replayed += 1;
    this.#before = { recorded, replayed };
    const differences: Difference[] = [];
    const was = sentBy(recorded);
    const is = sentBy(replayed);
    for (const endpoint of new Set([...was.keys(), ...is.keys()])) {
      const sent: Difference = {
        endpoint,
        weights: 'Sent',
        recorded: was.get(endpoint) ?? null,
        replayed: is.get(endpoint) ?? null,
      };
      const computed = [recorded, replayed].map((one) => one?.shadowWeights?.[endpoint] ?? null);
      const both: Difference[] = computed.includes(null)
        ? [sent]
        : [sent, { endpoint, weights: 'Computed', recorded: computed[0] ?? null, replayed: computed[1] ?? null }];
      differences.push(...both.filter((one) => one.recorded !== one.replayed));
      this.#count += 1;
      const size = Math.max(...both.map(distance));
      this.#sum += size;
      this.#max = Math.max(this.#max, size);
    }
    const [first] = differences;
    if (first === undefined) return;
    this.#ticksThatDiffer += 1;
    this.#first ??= { ...where, ...first };
  }

  result(): ServiceComparison {
    return {
      service: this.#service,
      ticks: this.#ticks,
      pushesRecorded: this.#pushes.recorded,
      pushesReplayed: this.#pushes.replayed,
      ticksThatDiffer: this.#ticksThatDiffer,
      firstDifference: this.#first,
      meanDifference: this.#count === 0 ? 0 : this.#sum / this.#count,
      maxDifference: this.#max,
    };
  }
}

function sentBy(decision: ServiceDecision | undefined): ReadonlyMap<string, number | 'Draining'> {
  return new Map(
    decision?.endpoints.map(({ id, weight, health }) => [id, health === 'Draining' ? 'Draining' : weight]),
  );
}

/** An endpoint that only one side has counts as a difference, not as a distance. */
function distance({ recorded, replayed }: Difference): number {
  return typeof recorded === 'number' && typeof replayed === 'number' ? Math.abs(recorded - replayed) : 0;
}
