import { type Command, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { EndpointExplanation, ExplainView } from '../../edge/observe/index.ts';
import { age, type Io, OUTPUT_FORMATS, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { DEFAULT_ADMIN, percent } from './status.ts';

export function addExplain(program: Command, io: Io, finish: Finish): void {
  program
    .command('explain')
    .description('why each weight is what it is')
    .argument('<SERVICE[/POOL[/ENDPOINT]]>', 'e.g. chat, chat/gpu or chat/gpu/127.0.0.1:9101')
    .option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN)
    .addOption(new Option('--output <FORMAT>', 'format').choices(OUTPUT_FORMATS).default('table'))
    .addHelpText('after', '\nExample:\n  loadline explain chat/gpu/127.0.0.1:9103')
    .action(async (target: string, { admin, output }: { readonly admin: string; readonly output: OutputFormat }) => {
      const { connectObserve } = await import('../../edge/admin/index.ts');
      const [service = '', pool, ...endpoint] = target.split('/');
      const client = connectObserve(admin);
      try {
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
  const lines = [
    `service ${view.service}: ${view.outcome}; weights ${view.equal ? 'are equal' : 'are unequal'} and stand for ${age(view.decidedAtMs === null ? null : view.nowMs - view.decidedAtMs)}`,
    `load reports ${view.loadReports.toLowerCase()} from ${view.sidecars} ${view.sidecars === 1 ? 'sidecar' : 'sidecars'}; a request takes ${view.requestTimeSec?.toFixed(1) ?? '-'} s; ` +
      `${view.meanInFlightPerSidecar?.toFixed(1) ?? '-'} in flight per endpoint and sidecar`,
    '',
    table(
      ['ENDPOINT', 'WEIGHT', 'BEFORE', 'SHARE', 'ISSUED', 'CAPACITY', 'IN FLIGHT', 'SLOTS', 'STATE'],
      view.endpoints.map((one) => [
        `${one.pool}/${one.address}:${one.port}`,
        one.weight,
        one.previousWeight,
        percent(one.share),
        percent(one.issuedShare),
        one.terms === null ? '-' : Math.exp(one.terms.capacity).toFixed(2),
        one.belief?.inFlight == null ? '-' : one.belief.inFlight.toFixed(0),
        one.belief?.slots == null ? '-' : one.belief.slots.toFixed(0),
        one.state,
      ]),
    ),
    '',
    ...view.endpoints.flatMap(sentences),
  ];
  return `${lines.join('\n')}\n`;
}

function sentences(one: EndpointExplanation): string[] {
  const limits = one.clamps.length === 0 ? '' : ` [limits: ${one.clamps.join(', ')}]`;
  return [
    `${one.address}:${one.port} ${one.reason}${limits}`,
    ...(one.belief?.notes ?? []).map((note) => `    ${note}`),
  ];
}
