import type { FleetServer } from './fleet.ts';
import type { LaneName } from './lab.ts';
import { clock, latency, percent, textTable } from './text-table.ts';

export type LaneFrame = {
  readonly weights: readonly number[] | undefined;
  readonly shares: readonly number[] | undefined;
  readonly inFlight: readonly number[] | undefined;
  /** Open at the clients. */
  readonly open: number;
  readonly firstTokenP50Ms: number | undefined;
  readonly firstTokenP99Ms: number | undefined;
  /** Since the clock started. */
  readonly goodputRatio: number;
  readonly errors: number;
};

/** Everything that the live view shows at one moment. */
export type Frame = {
  /** On the clock of the run; negative while warming up. */
  readonly tMs: number;
  readonly endMs: number;
  readonly phase: string;
  /** Index of the server that is slow now. */
  readonly slowServer: number | undefined;
  readonly fleet: readonly FleetServer[];
  readonly lanes: Readonly<Record<LaneName, LaneFrame>>;
};

const BAR_CELLS = 24;

/** The table that is redrawn on a terminal. */
export function liveTable(frame: Frame): readonly string[] {
  const { leastRequest, loadline } = frame.lanes;
  const done = Math.min(1, Math.max(0, frame.tMs / frame.endMs));
  const bar = '#'.repeat(Math.round(done * BAR_CELLS)).padEnd(BAR_CELLS, '.');
  const cell = (values: readonly number[] | undefined, server: number, show: (value: number) => string): string => {
    const value = values?.[server];
    return value === undefined ? '-' : show(value);
  };
  const count = (value: number): string => String(Math.round(value));
  const rows = frame.fleet.map(({ name, slots, speed }, server) => [
    `${name}${server === frame.slowServer ? ' SLOW' : ''}`,
    String(slots),
    String(speed),
    cell(leastRequest.shares, server, percent),
    cell(leastRequest.inFlight, server, count),
    '|',
    cell(loadline.weights, server, count),
    cell(loadline.shares, server, percent),
    cell(loadline.inFlight, server, count),
  ]);
  const both = (name: string, show: (lane: LaneFrame) => string): string[] => [
    name,
    show(leastRequest),
    show(loadline),
  ];
  return [
    `${clock(frame.tMs)} of ${clock(frame.endMs)}  [${bar}]  ${frame.phase}`,
    '',
    ...textTable([
      ['', '', '', 'least', 'request', '|', '', 'Load', 'line'],
      ['server', 'slots', 'speed', 'share', 'in flight', '|', 'weight', 'share', 'in flight'],
      ...rows,
    ]),
    '',
    ...textTable([
      ['', 'least request', 'Loadline'],
      both('first token p50, last 10 s', ({ firstTokenP50Ms }) => latency(firstTokenP50Ms)),
      both('first token p99, last 10 s', ({ firstTokenP99Ms }) => latency(firstTokenP99Ms)),
      both('first token in time, whole run', ({ goodputRatio }) => percent(goodputRatio)),
      both('requests in flight', ({ open }) => String(open)),
      both('client errors', ({ errors }) => String(errors)),
    ]),
  ];
}

/** The same in one line, for a log. */
export function liveLine(frame: Frame): string {
  const lane = (
    name: string,
    { firstTokenP50Ms, firstTokenP99Ms, goodputRatio, open, errors, shares }: LaneFrame,
  ): string =>
    [
      `${name}: first token ${latency(firstTokenP50Ms)} / ${latency(firstTokenP99Ms)}`,
      `in time ${percent(goodputRatio)}`,
      `${open} in flight`,
      `${errors} errors`,
      `shares ${shares === undefined ? '-' : shares.map((share) => (share * 100).toFixed(0)).join(' ')}`,
    ].join(', ');
  const { leastRequest, loadline } = frame.lanes;
  return `${clock(frame.tMs)} ${frame.phase} | ${lane('least request', leastRequest)} | ${lane('Loadline', loadline)}`;
}
