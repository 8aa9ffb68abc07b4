import { formatDuration } from '../../base/units/index.ts';
import { type Arm, type Paired, shiftText } from '../simulate/index.ts';
import type { RehearsalReport } from './rehearsal-report.ts';
import { seconds } from './verdict.ts';

type Table = { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] };

/** Endpoints beyond these are in the JSON alone. */
const MOST_ENDPOINTS = 32;

/** What a person reads, in order: lines, and tables. */
export function sections(report: RehearsalReport): readonly (readonly string[] | Table)[] {
  const steps = stepTable(report);
  return [
    headline(report),
    armTable(report),
    shareTable(report),
    ...(steps.rows.length === 0 ? [] : [steps]),
    conclusion(report),
  ];
}

/** What was run. */
function headline(report: RehearsalReport): readonly string[] {
  const { service, loadBalancer, traffic, servers, sidecars, workers, seeds, slo } = report;
  const { kind, file, ratePerSec, load } = traffic;
  const from = kind === 'Trace' ? `trace ${file}` : 'drawn requests';
  const several = workers === 1 ? '' : ` of ${workers} workers`;
  return [
    `service ${service} (${loadBalancer.type}, weights ${loadBalancer.weights}): ${servers.length} servers behind ${sidecars} sidecars${several}`,
    `${from}: ${ratePerSec.toFixed(1)} requests/s, ${(100 * load).toFixed(0)} % of what the fleet can do; ` +
      `${(report.durationMs / 1000).toFixed(0)} s, counted from ${(report.warmUpMs / 1000).toFixed(0)} s on; ` +
      `seeds ${seeds[0]}${seeds.length === 1 ? '' : `..${seeds.at(-1)}`}`,
    `good: first token within ${seconds(slo.ttftMs)} and ${seconds(slo.tpotMs)} a token`,
  ];
}

function armTable({ arms, differences }: RehearsalReport): Table {
  const head = [
    'ARM',
    'GOODPUT',
    'LOADLINE BETTER BY',
    'TTFT P50',
    'TTFT P99',
    'E2E P99',
    'ERRORS',
    'IMBALANCE',
    'PUSHES/MIN',
  ];
  const rows = arms.map(({ arm, mean }) => [
    arm,
    percent(mean.goodput, 2),
    differenceText(differences.find(({ than }) => than === arm)?.goodput),
    seconds(mean.ttftP50Ms),
    seconds(mean.ttftP99Ms),
    seconds(mean.endToEndP99Ms),
    mean.errors.toFixed(0),
    mean.imbalance.toFixed(2),
    arm === 'Loadline' ? mean.pushesPerMin.toFixed(1) : '',
  ]);
  return { head, rows };
}

/** How requests were spread, pools first where there are several. */
function shareTable({ arms, servers }: RehearsalReport): Table {
  const [first] = arms;
  const pools = first?.pools.length === 1 ? [] : (first?.pools ?? []);
  const capacity = servers.reduce((sum, { fullRatePerSec }) => sum + fullRatePerSec, 0);
  const canOf = (name: string): number =>
    servers
      .filter((server) => server.name === name || server.name.startsWith(`${name}/`))
      .reduce((sum, { fullRatePerSec }) => sum + fullRatePerSec, 0) / capacity;
  const row = (name: string, of: 'pools' | 'endpoints', at: number): readonly string[] => [
    name,
    percent(canOf(name), 1),
    ...arms.flatMap((arm) => {
      const share = arm[of][at];
      return [percent(share?.share ?? 0, 1), percent(share?.goodput ?? 1, 1)];
    }),
  ];
  return {
    head: ['', 'CAN DO', ...arms.flatMap(({ arm }) => [arm.toUpperCase(), 'GOOD'])],
    rows: [
      ...pools.map(({ name }, at) => row(name, 'pools', at)),
      ...(first?.endpoints ?? []).slice(0, MOST_ENDPOINTS).map(({ name }, at) => row(name, 'endpoints', at)),
    ],
  };
}

/** How long the requests take to follow what a fault changes. */
function stepTable({ steps, arms }: RehearsalReport): Table {
  return {
    head: ['AT', 'ENDPOINT', 'FAIR SHARE', ...arms.map(({ arm }) => `${arm.toUpperCase()} T50/T90 S`)],
    rows: steps.map(({ atMs, endpoint, fairBefore, fairAfter }, at) => [
      formatDuration(atMs),
      endpoint,
      `${percent(fairBefore, 1)} -> ${percent(fairAfter, 1)}`,
      ...arms.map(({ shifts }) => {
        const shift = shifts[at];
        return shift === undefined ? '' : shiftText(shift);
      }),
    ]),
  };
}

/** The sentences that end the report; without Loadline there is nothing to compare. */
function conclusion({ verdicts, notes }: RehearsalReport): readonly string[] {
  const order: readonly Arm[] = ['LeastRequest'];
  const sorted = verdicts.toSorted((a, b) => order.indexOf(b.than) - order.indexOf(a.than));
  return [...notes.map((note) => `Note: ${note}.`), ...sorted.map(({ sentence }) => sentence)];
}

function differenceText(paired: Paired | undefined): string {
  if (paired === undefined) return '';
  const { mean, halfWidth } = paired;
  return `${mean >= 0 ? '+' : ''}${mean.toFixed(2)}${halfWidth === undefined ? '' : ` ±${halfWidth.toFixed(2)}`}`;
}

function percent(ratio: number, digits: number): string {
  return `${(100 * ratio).toFixed(digits)} %`;
}
