import type { Figure } from './figures.ts';
import { shapeText } from './shape.ts';
import type { Cell } from './table.ts';

/** A promise about our figure as a multiple of LinearCache's, in all cells that it speaks of. */
type Bar = {
  readonly what: string;
  readonly figure: Figure;
  readonly most: number;
  readonly of: (cell: Cell) => boolean;
};

/** With fewer streams, what a process costs by itself is more than what its streams cost: no verdict then. */
const MIN_STREAMS = 1000;
const MIN_TLS_STREAMS = 300;
const enough = ({ scenario }: Cell): boolean => scenario.kind === 'load' && scenario.streams >= MIN_STREAMS;

const BARS: readonly Bar[] = [
  {
    what: 'CPU per delivered change',
    figure: 'cpuPerReceiptUs',
    most: 0.8,
    of: enough,
  },
  {
    what: 'CPU per delivered change, mutual TLS',
    figure: 'cpuPerReceiptUs',
    most: 1,
    of: ({ scenario }) => scenario.kind === 'tls' && scenario.streams >= MIN_TLS_STREAMS,
  },
  {
    what: 'last of 1000 streams',
    figure: 'lastMs',
    most: 1,
    of: (cell) => enough(cell) && cell.scenario.streams === 1000,
  },
  {
    what: '5000 streams in sync',
    figure: 'syncMaxMs',
    most: 1.25,
    of: (cell) => enough(cell) && cell.scenario.streams === 5000,
  },
  { what: 'RSS per stream', figure: 'rssPerStreamKib', most: 1, of: enough },
];

export type BarResult = { readonly text: string; readonly verdict: 'PASS' | 'FAIL' | 'not measured' };

/** Judges each bar; one that this run has no figures for is not measured, and not passed. */
export function judge(cells: readonly Cell[]): readonly BarResult[] {
  return BARS.map(({ what, figure, most, of }) => {
    const ratios = cells.filter(of).flatMap((cell) => {
      const ours = cell.figures.loadline?.[figure];
      const linear = cell.figures.linear?.[figure];
      if (ours === undefined || linear === undefined) return [];
      return { at: `${shapeText(cell.scenario.shape)} x ${cell.scenario.streams}`, ratio: ours / linear };
    });
    const verdict = ratios.length === 0 ? 'not measured' : ratios.every(({ ratio }) => ratio <= most) ? 'PASS' : 'FAIL';
    const measured = ratios.map(({ at, ratio }) => `${at} ${ratio.toFixed(2)}`).join(', ');
    return { text: `${what} <= ${most} x linear${measured === '' ? '' : `: ${measured}`}`, verdict };
  });
}
