import { styleText } from 'node:util';
import type { EndpointView, ServerView } from '../edge/observe/index.ts';
import { percent } from './commands/status.ts';
import { age, table } from './io.ts';

export type TopOptions = {
  /** One service; absent: all. */
  readonly service?: string | undefined;
  /** Lines that there is room for; absent: as many as it takes. */
  readonly rows?: number;
  readonly colour: boolean;
};

/** Above it an endpoint has more to do than it can. */
const FULL_PRESSURE = 1;
/** Head, empty line, titles, and what is left out. */
const OTHER_LINES = 4;

/** Endpoints, those under the most pressure first; those of which none is known last. */
export function topText(view: ServerView, { service, rows, colour }: TopOptions): string {
  const services = view.services.filter(({ name }) => service === undefined || name === service);
  const endpoints = services.flatMap(({ pools }) => pools.flatMap((pool) => pool.endpoints)).sort(byPressure);
  const inFlight = endpoints.reduce((sum, one) => sum + (one.inFlight ?? 0), 0);
  const notActive = endpoints.filter(({ state }) => state !== 'Active').length;
  const head =
    `${service ?? 'all services'}: ${endpoints.length} endpoints, ${notActive} not active, ${inFlight.toFixed(0)} requests in flight; ` +
    `${view.nodes.length} sidecars, revision ${view.revision}, tick ${view.tick}, up ${age(view.nowMs - view.startedAtMs)}`;
  if (endpoints.length === 0) return `${head}\n`;
  const room = rows === undefined ? endpoints.length : Math.max(1, rows - OTHER_LINES);
  const shown = endpoints.slice(0, room);
  const [titles = '', ...lines] = table(TITLES, shown.map(cells)).split('\n');
  const painted = lines.map((line, at) => paint(line, shown[at] as EndpointView, colour));
  const rest = endpoints.length - shown.length;
  return `${[head, '', titles, ...painted, ...(rest > 0 ? [`and ${rest} more under less pressure`] : [])].join('\n')}\n`;
}

const TITLES = ['ENDPOINT', 'PRESSURE', 'IN FLIGHT', 'WEIGHT', 'SHARE', 'ISSUED', 'AGE', 'STATE'];

function cells(one: EndpointView): readonly (string | number)[] {
  return [
    one.id,
    one.pressure === null ? '-' : one.pressure.toFixed(2),
    one.inFlight === null ? '-' : one.inFlight.toFixed(0),
    one.weight,
    percent(one.share),
    percent(one.issuedShare),
    age(one.ageMs),
    one.state,
  ];
}

function byPressure(one: EndpointView, other: EndpointView): number {
  const [a, b] = [one.pressure ?? -1, other.pressure ?? -1];
  return a === b ? one.id.localeCompare(other.id) : b - a;
}

function paint(line: string, { state, pressure }: EndpointView, colour: boolean): string {
  if (!colour) return line;
  if (state === 'Bad' || (pressure ?? 0) > FULL_PRESSURE) return styleText('red', line);
  return state === 'Active' ? line : styleText('yellow', line);
}
