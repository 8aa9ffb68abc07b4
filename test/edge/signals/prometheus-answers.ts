import { ENGINE_NAMES, PROCESS_ROWS } from '../../../src/edge/signals/formats/engine-formats.ts';
import { GPU_NAMES } from '../../../src/edge/signals/formats/gpu-formats.ts';
import { scanExposition } from '../../../src/edge/signals/index.ts';

/** A page as Prometheus has it: its series with the labels of the target, as they were so many seconds ago. */
export type Scraped = {
  readonly page: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ageSec?: number;
};

const WANTED = new Set([...ENGINE_NAMES, ...GPU_NAMES]);
const COMMON = new Set(PROCESS_ROWS.map(({ name }) => name));

/** What Prometheus answers to the query of the fleet: each value, and beside it when it was scraped. */
export function answerOf(scraped: readonly Scraped[], evaluatedAtSec: number): string {
  const result = scraped.flatMap(({ page, labels, ageSec = 0 }) =>
    scanExposition(page, { wanted: WANTED }).series.flatMap(({ name, labels: own, value }) => {
      const metric = { ...Object.fromEntries(own), ...labels };
      const common = COMMON.has(name) ? { loadline_common: name } : {};
      return [
        { metric: { __name__: name, ...metric, ...common }, value: [evaluatedAtSec, String(value)] },
        { metric: { ...metric, loadline_role: name }, value: [evaluatedAtSec, String(evaluatedAtSec - ageSec)] },
      ];
    }),
  );
  return JSON.stringify({ status: 'success', data: { resultType: 'vector', result } });
}
