/** What is measured; the order here is the order in the table. */
export const FIGURES = {
  syncP50Ms: 'all in sync, median stream (ms)',
  syncMaxMs: 'all in sync, last stream (ms)',
  rssPerStreamKib: 'RSS per stream (KiB)',
  firstMs: 'change to first stream (ms)',
  medianMs: 'change to median stream (ms)',
  p99Ms: 'change to 99th percentile (ms)',
  lastMs: 'change to last stream (ms)',
  cpuPerReceiptUs: 'server CPU per delivered change (us)',
  bytesPerReceipt: 'bytes per delivered change',
  missing: 'changes not delivered',
  changesPerSec: 'sustained changes (1/s)',
  sustainedCpuPerReceiptUs: 'server CPU per delivered change, sustained (us)',
  stalledP99Ms: 'to 99th percentile of the others, some stalled (ms)',
  stalledCpuPerReceiptUs: 'server CPU per delivered change, some stalled (us)',
  stalledRssKib: 'RSS gained while some stalled (KiB)',
  lagP99Ms: 'event-loop lag p99 (ms)',
  reconnectP50Ms: 'reconnect, median stream (ms)',
  reconnectMaxMs: 'reconnect, last stream (ms)',
  resourcesAgain: 'resources sent again at reconnect',
  retries: 'connections reset before they were in sync',
  clientCpuPerReceiptUs: 'client CPU per delivered change (us)',
} as const;

export type Figure = keyof typeof FIGURES;
export type Figures = Readonly<Partial<Record<Figure, number>>>;

/** Each figure's median over several runs. */
export function medianFigures(runs: readonly Figures[]): Figures {
  const merged: Partial<Record<Figure, number>> = {};
  for (const figure of Object.keys(FIGURES) as Figure[]) {
    const values = runs.flatMap((run) => run[figure] ?? []).sort((a, b) => a - b);
    const middle = values[Math.floor(values.length / 2)];
    if (middle !== undefined) merged[figure] = middle;
  }
  return merged;
}
