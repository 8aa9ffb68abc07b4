import type { Command } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { EndpointExplanation, ExplainView } from '../../edge/observe/index.ts';
import { outcomeWords, termLines } from '../explain-words.ts';
import { age, type Io, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { operationLine } from '../operation-words.ts';
import { outputOption } from '../output-flag.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { watchDecisions } from '../watch-decisions.ts';
import { zoneLines } from '../zone-words.ts';
import { DEFAULT_ADMIN, percent } from './status.ts';

type Flags = TlsFlags & { readonly admin: string; readonly output: OutputFormat; readonly watch?: boolean };

/** More endpoints than that get a sentence each; who wants the terms names one. */
const MAX_IN_DETAIL = 16;
const MAX_MOVES = 3;
/** Share of the requests below which a move is not worth a word. */
const LEAST_SHIFT = 0.005;
const LABEL_WIDTH = 10;

export function addExplain(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('explain')
    .description('why each weight is what it is')
    .argument('<SERVICE[/POOL[/ENDPOINT]]>', 'e.g. chat, chat/gpu or chat/gpu/127.0.0.1:9101')
    .option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN)
    .option(
      '-w, --watch',
      'go on with each decision that changes something, one line for each endpoint, until you end it',
    )
    .addOption(outputOption());
  addTlsFlags(command)
    .addHelpText(
      'after',
      `
With --watch, JSON is one object in each line, and YAML one document for each decision.

Examples:
  loadline explain chat/gpu/127.0.0.1:9103
  loadline explain chat --watch
  loadline explain chat/gpu --watch --output json`,
    )
    .action(async (target: string, { admin, output, watch = false, ...flags }: Flags) => {
      const tls = tlsOf(flags);
      const { connectObserve } = await import('../../edge/admin/index.ts');
      const [service = '', pool, ...endpoint] = target.split('/');
      const client = connectObserve(admin, { tls });
      try {
        if (watch) {
          await watchDecisions(io, client, { target, output });
          return finish(0);
        }
        const result = await client.explain({
          service,
          ...(pool === undefined ? {} : { pool }),
          ...(endpoint.length === 0 ? {} : { endpoint: endpoint.join('/') }),
        });
        if (!result.ok)
          throw new LoadlineError(
            'LOADLINE_ADMIN',
            result.issues
              .map(({ message, hint }) => (hint === undefined ? message : `${message} (${hint})`))
              .join('; '),
          );
        if (output === 'table') io.out(explainText(result.value));
        else printValue(io, output, result.value);
        finish(0);
      } finally {
        client.close();
      }
    });
}

export function explainText(view: ExplainView): string {
  const stand = age(view.decidedAtMs === null ? null : view.nowMs - view.decidedAtMs);
  const brief = view.endpoints.length > MAX_IN_DETAIL;
  const lines = [
    `service ${view.service}: ${outcomeWords(view.outcome)}; weights are ${view.equal ? 'equal' : 'unequal'} and stand for ${stand}`,
    `load reports ${view.loadReports.toLowerCase()} from ${view.sidecars} ${view.sidecars === 1 ? 'sidecar' : 'sidecars'}; a request takes ${view.requestTimeSec?.toFixed(1) ?? '-'} s; ` +
      `${view.meanInFlightPerSidecar?.toFixed(1) ?? '-'} in flight per endpoint and sidecar`,
    ...view.operations.map(operationLine),
    ...(view.failover === null ? [] : [`tiers: ${view.failover.reason}`]),
    ...(view.zones === null ? [] : zoneLines(view.zones)),
    ...loopLines(view),
    ...evenness(view),
    '',
    table(
      ['ENDPOINT', 'WEIGHT', 'BEFORE', 'COMPUTED', 'SHARE', 'ISSUED', 'CAPACITY', 'IN FLIGHT', 'SLOTS', 'STATE'],
      view.endpoints.map((one) => [
        `${one.pool}/${one.address}:${one.port}`,
        one.weight,
        one.previousWeight,
        one.shadowWeight ?? '-',
        percent(one.share),
        percent(one.issuedShare),
        one.terms === null ? '-' : Math.exp(one.terms.capacity).toFixed(2),
        one.belief?.inFlight == null ? '-' : one.belief.inFlight.toFixed(0),
        one.belief?.slots == null ? '-' : one.belief.slots.toFixed(0),
        one.state,
      ]),
    ),
    '',
    ...view.endpoints.flatMap((one) => sentences(one, brief)),
    ...(brief ? ['', `for the terms of one: loadline explain ${view.service}/POOL/ADDRESS:PORT`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** How hard the loop steers, on how old news; what was seen of itself, and what an operator does to it. */
function loopLines({ loop, probe, nowMs, service }: ExplainView): readonly string[] {
  if (loop === null) return [];
  const { gain, damping, herdAtMs, delaySec, reportsSec, ackSec, picksSec } = loop;
  const measured = [
    ['reports', reportsSec],
    ['ack', ackSec],
    ['picks', picksSec],
  ] as const;
  const parts = measured.flatMap(([name, sec]) => (sec === null ? [] : [`${name} ${sec.toFixed(2)} s`]));
  const known = parts.length === 0 ? 'not measured yet' : `measured: ${parts.join(', ')}`;
  const lines = [`loop gain ${gain.toFixed(2)} for a delay of ${delaySec.toFixed(1)} s (${known})`];
  if (damping < 1 && herdAtMs !== null)
    lines.push(
      `weights and requests in flight chased each other ${age(nowMs - herdAtMs)} ago: the gain is ${percent(damping)} of its formula, and recovers by a tenth a minute`,
    );
  if (probe !== null)
    lines.push(
      `a probe multiplies the weight of ${probe.endpoint.slice(service.length + 1)} by ${probe.factor.toFixed(2)}; it ends in ${age(probe.endAtMs - nowMs)} (${probe.reason})`,
    );
  return lines;
}

/** How even the load is, and what the computed weights would change, where they are not what is sent. */
function evenness({ imbalance, counterfactual, endpoints, service }: ExplainView): readonly string[] {
  if (imbalance === null) return [];
  const now = `imbalance ${imbalance.toFixed(2)}: the fullest server has ${imbalance.toFixed(2)} times the load per slot of the mean`;
  if (counterfactual === null) return [now];
  const shift = counterfactual.moves.reduce((sum, move) => sum + Math.max(0, move.estimated - move.now), 0);
  const then = `with the computed weights about ${counterfactual.imbalance.toFixed(2)}`;
  if (new Set(endpoints.map(({ shadowWeight }) => shadowWeight)).size === 1)
    return [now, 'the computed weights are equal: what differs is noise, or levelled by least_request itself'];
  if (shift < LEAST_SHIFT) return [now, `${then}: hardly a request would move`];
  const shown = new Set(endpoints.map(({ id }) => id));
  const moves = counterfactual.moves.filter((move) => shown.has(move.id));
  const told = (list: typeof moves): string =>
    list
      .slice(0, MAX_MOVES)
      .map(({ id, now, estimated }) => `${id.slice(service.length + 1)} ${percent(now)} -> ${percent(estimated)}`)
      .join(', ');
  const gains = moves.filter((move) => move.estimated - move.now >= LEAST_SHIFT);
  const losses = moves.filter((move) => move.now - move.estimated >= LEAST_SHIFT).reverse();
  return [
    now,
    `${then} (an estimate: request times stay as they are), and ${percent(shift)} of the requests would go elsewhere`,
    ...(gains.length === 0 ? [] : [`  more to: ${told(gains)}`]),
    ...(losses.length === 0 ? [] : [`  less to: ${told(losses)}`]),
  ];
}

function sentences(one: EndpointExplanation, brief: boolean): string[] {
  const limits = one.clamps.length === 0 ? '' : ` [limits: ${one.clamps.join(', ')}]`;
  return [
    `${one.address}:${one.port} ${one.reason}${brief ? limits : ''}`,
    ...(brief ? [] : termLines(one).map(([label, words]) => `    ${label.padEnd(LABEL_WIDTH)}${words}`)),
    ...(one.belief?.notes ?? []).map((note) => `    ${brief ? '' : 'note'.padEnd(LABEL_WIDTH)}${note}`),
  ];
}
