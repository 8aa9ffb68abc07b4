import { styleText } from 'node:util';
import type { DecidedEndpoint, DecisionView } from '../edge/observe/index.ts';
import { percent } from './commands/status.ts';
import { outcomeWords } from './explain-words.ts';

/** Lines of a stream cannot wait for the widest cell. */
const TIME_WIDTH = 24;
const ENDPOINT_WIDTH = 24;
const WEIGHT_WIDTH = 12;
const SHARE_WIDTH = 18;

export function decisionHead(): string {
  return line('TIME', 'ENDPOINT', 'WEIGHT', 'SHARE', 'WHY');
}

/** One line for each endpoint, and one for what became of the service where none of its endpoints changed. */
export function decisionLines(view: DecisionView, colour: boolean): string {
  const time = new Date(view.atMs).toISOString();
  if (view.endpoints.length === 0) return line(time, '-', '-', '-', outcomeWords(view.outcome));
  return view.endpoints
    .map((one) => {
      const { clamps, reason, computedWeight, weight, health } = one;
      const limits = clamps.length === 0 ? '' : ` [limits: ${clamps.join(', ')}]`;
      const computed = computedWeight === null || computedWeight === weight ? '' : ` [computed: ${computedWeight}]`;
      const text = line(
        time,
        endpointName(view, one),
        weightText(one),
        shareText(one),
        `${reason}${limits}${computed}`,
      );
      return colour && health !== 'Healthy' ? styleText('yellow', text) : text;
    })
    .join('');
}

/** For programs. */
export function decisionValue({ atMs, ...view }: DecisionView): Readonly<Record<string, unknown>> {
  const { service, tick, ...rest } = view;
  return { service, tick, time: new Date(atMs).toISOString(), ...rest };
}

function endpointName({ service }: DecisionView, { id }: DecidedEndpoint): string {
  return id.slice(service.length + 1);
}

function weightText({ previousWeight, weight, health }: DecidedEndpoint): string {
  if (health === 'Gone') return `${previousWeight} -> gone`;
  const is = health === 'Draining' ? 'drains' : String(weight);
  if (previousWeight === null) return `new -> ${is}`;
  return previousWeight === weight ? is : `${previousWeight} -> ${is}`;
}

function shareText({ previousShare, share }: DecidedEndpoint): string {
  const [was, is] = [percent(previousShare), percent(share)];
  return previousShare === null || was === is ? is : `${was} -> ${is}`;
}

function line(time: string, endpoint: string, weight: string, share: string, why: string): string {
  const cells = [
    time.padEnd(TIME_WIDTH),
    endpoint.padEnd(ENDPOINT_WIDTH),
    weight.padEnd(WEIGHT_WIDTH),
    share.padEnd(SHARE_WIDTH),
  ];
  return `${cells.join('  ')}  ${why}\n`;
}
