import type { Counter, Histogram, Registry } from 'prom-client';

type Labels = Readonly<Record<string, string>>;

/** What was counted since the last scrape. */
export type Cell = { pending: number };

/** Takes one value in. */
export type Observer = (value: number) => void;

/**
 * The series of a counter that rises with every delivery. prom-client looks a series up and checks its labels each time, also
 * for what its `labels()` returns (0.1 to 0.2 µs); a cell is one addition, and the sum goes to prom-client at each scrape.
 */
export class HotCounter {
  readonly #counter: Counter;
  readonly #cells: { readonly labels: Labels; readonly cell: Cell }[] = [];

  constructor(counter: Counter) {
    this.#counter = counter;
  }

  /** A new one each time: callers keep it. */
  cell(labels: Labels): Cell {
    const cell = { pending: 0 };
    this.#cells.push({ labels, cell });
    return cell;
  }

  flush(): void {
    for (const { labels, cell } of this.#cells) {
      if (cell.pending === 0) continue;
      this.#counter.inc({ ...labels }, cell.pending);
      cell.pending = 0;
    }
  }
}

type Line = {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
};

type Series = { readonly labels: Labels; readonly counts: number[]; count: number; sum: number };

/** A histogram for the same purpose. prom-client's takes no sums, so this one stands in its registry by itself. */
export class HotHistogram {
  readonly name: string;
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #series: Series[] = [];

  constructor(of: { readonly name: string; readonly help: string; readonly buckets: readonly number[] }) {
    this.name = of.name;
    this.help = of.help;
    this.#bounds = of.buckets;
  }

  register(registry: Registry): void {
    // The registry asks for a name and for `get` alone.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** Takes the values of one new series. */
  observer(labels: Labels): Observer {
    const bounds = this.#bounds;
    const series: Series = { labels, counts: bounds.map(() => 0), count: 0, sum: 0 };
    this.#series.push(series);
    return (value) => {
      series.count += 1;
      series.sum += value;
      for (let at = 0; at < bounds.length; at += 1) {
        if (value > (bounds[at] as number)) continue;
        series.counts[at] = (series.counts[at] as number) + 1;
        return;
      }
    };
  }

  /** What the registry prints. */
  async get(): Promise<{ readonly name: string; help: string; type: 'histogram'; values: readonly Line[] }> {
    const { name, help } = this;
    return { name, help, type: 'histogram', values: this.#series.flatMap((series) => this.#linesOf(series)) };
  }

  /** As Prometheus has it: buckets hold everything up to their bound. */
  #linesOf({ labels, counts, count, sum }: Series): readonly Line[] {
    let below = 0;
    const buckets = this.#bounds.map((bound, at) => {
      below += counts[at] as number;
      return { metricName: `${this.name}_bucket`, labels: { le: bound, ...labels }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
      { metricName: `${this.name}_sum`, labels: { ...labels }, value: sum },
      { metricName: `${this.name}_count`, labels: { ...labels }, value: count },
    ];
  }
}
