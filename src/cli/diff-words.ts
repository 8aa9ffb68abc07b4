import { styleText } from 'node:util';
import type { Position } from '../base/units/index.ts';
import type {
  Bounded,
  DryRunReport,
  PushCost,
  Receiver,
  ResourceChange,
  SnapshotChange,
  Verdict,
  VerdictCheck,
  WeightMove,
} from '../core/dry-run/index.ts';
import type { PolicyChange } from '../core/policy/index.ts';
import { envoyWords } from './envoy-words.ts';

/** Of the many fields, moves and names a person reads the first; `--output json` has more. */
const SHOWN = 12;
const SHOWN_FIELDS = 6;

const TYPES: Readonly<Record<string, string>> = {
  cds: 'cluster',
  eds: 'endpoints of',
  lds: 'listener',
  rds: 'routes of',
  rtds: 'runtime values',
  sds: 'secret',
  ecds: 'filter',
};
const SIGNS = { Added: '+', Removed: '-', Changed: '~' } as const;

export type Paint = (style: 'green' | 'red' | 'yellow' | 'bold' | 'dim', text: string) => string;

/**
 * A dry run for a person, in the order of her questions: what did I change, who gets it, what does it cost, where do requests
 * go, and does Envoy take it.
 */
export function dryRunText(report: DryRunReport, colour: boolean): string {
  const paint: Paint = (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text);
  const head = (title: string): string => paint('bold', title);
  const sections: (readonly [string, readonly string[]])[] = [
    ['What changes in the policy', listed(report.policy, (one) => changeLine(one, paint))],
    ['Who gets what', report.snapshots.items.flatMap((one) => snapshotLines(one, paint))],
    ['What it costs', report.pushes.map((push) => pushLine(push, paint))],
    ['Where new requests go', listed(report.weights, moveLine)],
    ['What is taken away', shrinkLines(report)],
    ['What Envoy says', verdictLines(report.verdict, paint)],
  ];
  const told = sections.filter(([, lines]) => lines.length > 0);
  const nothing = report.snapshots.items.length === 0 ? [`Envoys get nothing new.`] : [];
  return `${[...told.map(([title, lines]) => [head(title), ...lines.map((line) => `  ${line}`)].join('\n')), ...nothing].join('\n\n')}\n`;
}

function changeLine({ change, kind, name, path, before, after, position }: PolicyChange, paint: Paint): string {
  const sign = paint(change === 'Added' ? 'green' : change === 'Removed' ? 'red' : 'yellow', SIGNS[change]);
  const what = [`${kind}/${name}`, path].filter((part) => part !== '').join(' ');
  const values =
    before === undefined
      ? after === undefined
        ? ''
        : `: ${after}`
      : after === undefined
        ? `: ${before}`
        : `: ${before} -> ${after}`;
  return `${sign} ${what}${values}${paint('dim', placeText(position))}`;
}

function snapshotLines({ receivers, resources }: SnapshotChange, paint: Paint): readonly string[] {
  return [
    receivers.map(receiverText).join('; '),
    ...listed(resources, (one) => one).flatMap((one) =>
      typeof one === 'string' ? [`  ${one}`] : resourceLines(one, paint),
    ),
  ];
}

function receiverText({ group, release, nodeCount, nodes, endpointsOnly, ownListeners }: Receiver): string {
  const who = nodeCount === 0 ? 'nobody now' : `${nodeCount} ${nodeCount === 1 ? 'sidecar' : 'sidecars'}`;
  const named = nodes.length === 0 ? '' : ` (${nodes.join(', ')}${nodeCount > nodes.length ? ', …' : ''})`;
  const own = ownListeners.length === 0 ? '' : `, ${ownListeners.join(' and ')} at addresses of their own`;
  const kind = endpointsOnly ? 'endpoints only' : `group ${group}`;
  return `${kind}, Envoy ${release}${own}: ${who}${named}`;
}

function resourceLines({ change, type, name, fields }: ResourceChange, paint: Paint): readonly string[] {
  const sign = paint(change === 'Added' ? 'green' : change === 'Removed' ? 'red' : 'yellow', SIGNS[change]);
  const shown = fields.items.slice(0, SHOWN_FIELDS);
  const more = fields.items.length - shown.length + fields.more;
  return [
    `  ${sign} ${TYPES[type] ?? type} ${name}`,
    ...shown.map(({ path, before, after }) => `      ${path}: ${valueText(before)} -> ${valueText(after)}`),
    ...(more > 0 ? [`      and ${more} more`] : []),
  ];
}

function pushLine({ type, change, effect, cost, resources, nodeCount }: PushCost, paint: Paint): string {
  const verb = { Added: 'adds', Removed: 'removes', Changed: 'changes' }[change];
  const names = [...resources.items.slice(0, SHOWN)].join(', ') + (resources.more > 0 ? ' and more' : '');
  const mark =
    effect === 'Disruptive'
      ? paint('red', 'disruptive')
      : effect === 'Noticeable'
        ? paint('yellow', 'noticeable')
        : 'free';
  const who = nodeCount === 1 ? '1 sidecar' : `${nodeCount} sidecars`;
  return `${mark}: ${verb} ${TYPES[type] ?? type} ${names} (${type}, ${who}): ${cost}`;
}

function moveLine({ endpoint, before, after }: WeightMove): string {
  const share = (value: WeightMove['before']): string =>
    value === undefined ? '-' : `${(value.share * 100).toFixed(1)} %`;
  const weight = (value: WeightMove['before']): string => (value === undefined ? '-' : String(value.weight));
  return `${endpoint}: ${share(before)} -> ${share(after)} (weight ${weight(before)} -> ${weight(after)})`;
}

function shrinkLines({ shrink: { endpoints, clusters, removedRatio } }: DryRunReport): readonly string[] {
  if (removedRatio === 0) return [];
  return [
    `${endpoints.removed} of ${endpoints.before} endpoints and ${clusters.removed} of ${clusters.before} clusters: ${(removedRatio * 100).toFixed(0)} %`,
  ];
}

/** Also of `loadline validate --envoy`. */
export function verdictLines({ outcome, publishable, reason, checks }: Verdict, paint: Paint): readonly string[] {
  const words = {
    Accepted: paint('green', 'Envoy takes the configuration'),
    Refused: paint('red', 'Envoy refuses the configuration: it will not be published'),
    NotAsked: publishable ? paint('yellow', 'no Envoy was asked') : paint('red', 'no Envoy was asked, and one must be'),
  }[outcome];
  return [`${words}${reason === '' ? '' : ` (${reason})`}`, ...checks.flatMap((check) => checkLines(check))];
}

function checkLines({ group, release, envoy, outcome, cached, problems }: VerdictCheck): readonly string[] {
  const said = { Accepted: 'taken', Refused: 'refused', NoAnswer: 'no answer' }[outcome];
  const asked = /^\d/.test(envoy) ? `Envoy ${envoy}` : envoy;
  const known = cached ? ', as it said before' : '';
  return [
    `group ${group || '-'}, for Envoys ${release}: ${said} by ${asked}${known}`,
    ...problems.map(({ message, resource, position }) => {
      const about = resource === undefined ? '' : `${TYPES[resource.type] ?? resource.type} ${resource.name}: `;
      return `  ${about}${envoyWords(message)}${placeText(position)}`;
    }),
  ];
}

function placeText(position: Position | undefined): string {
  return position === undefined ? '' : `  (${position.file}:${position.line}:${position.column})`;
}

function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

function listed<T, R>({ items, more }: Bounded<T>, line: (item: T) => R): readonly (R | string)[] {
  const left = Math.max(0, items.length - SHOWN) + more;
  return [...items.slice(0, SHOWN).map(line), ...(left > 0 ? [`and ${left} more`] : [])];
}
