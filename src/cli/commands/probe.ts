import { type Command, InvalidArgumentError, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import { parseDurationMs } from '../../base/units/index.ts';
import type { ProbeEvent, ProbeRequest } from '../../edge/admin/index.ts';
import { type Io, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { outputOption } from '../output-flag.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { DEFAULT_ADMIN, percent } from './status.ts';

type Options = TlsFlags & {
  readonly step: number;
  readonly hold: number;
  readonly reason: string;
  readonly admin: string;
  readonly output: OutputFormat;
};
type Measure = NonNullable<Extract<ProbeEvent, { kind: 'Ended' }>['measure']>;

export function addProbe(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('probe')
    .description('move one weight a little, up, down and back, and measure how the requests follow')
    .argument('<SERVICE/POOL/ENDPOINT>', 'e.g. chat/gpu/127.0.0.1:9101')
    .addOption(new Option('--step <PERCENT>', 'size of the step, 1% to 20%').argParser(readPercent).default(0.05, '5%'))
    .addOption(
      new Option('--hold <DURATION>', 'time at each side, 5s to 5m').argParser(readHold).default(30_000, '30s'),
    )
    .option('--reason <TEXT>', 'why; it stands in explain, the events and the log', 'how fast is the loop')
    .option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN)
    .addOption(outputOption());
  addTlsFlags(command)
    .addHelpText(
      'after',
      '\nExit code 1: refused, ended early, or nothing can be told. Interrupt it to take the step back at once.' +
        '\nExample:\n  loadline probe chat/gpu/127.0.0.1:9103 --step 20%',
    )
    .action(async (target: string, { step: stepRatio, hold: holdMs, reason, admin, output, ...flags }: Options) => {
      const tls = tlsOf(flags);
      const [service = '', pool = '', ...rest] = target.split('/');
      const address = rest.join('/');
      if (service === '' || pool === '' || address === '')
        throw new LoadlineError('LOADLINE_CONFIG', `${target}: expected SERVICE/POOL/ADDRESS:PORT`);
      const { connectOperations } = await import('../../edge/admin/index.ts');
      const client = connectOperations(admin, { tls });
      const request: ProbeRequest = { service, pool, address, stepRatio, holdMs, reason };
      try {
        const result = await client.probe(request, (event) => {
          if (output === 'table') io.err(eventText(event));
        });
        if (!result.ok)
          throw new LoadlineError('LOADLINE_ADMIN', result.issues.map(({ message }) => message).join('; '));
        const last = result.value;
        if (last.kind === 'Aborted') throw new LoadlineError('LOADLINE_ADMIN', `the probe ended early: ${last.reason}`);
        if (last.kind !== 'Ended' || last.measure === undefined)
          throw new LoadlineError(
            'LOADLINE_ADMIN',
            'nothing can be told: too little was issued, or the weight did not move',
          );
        if (output === 'table') io.out(measureText(last.measure));
        else printValue(io, output, last.measure);
        finish(isSeen(last.measure) ? 0 : 1);
      } finally {
        client.close();
      }
    });
}

/** How it goes, for who watches. */
function eventText(event: ProbeEvent): string {
  switch (event.kind) {
    case 'Begun': {
      const { startAtMs, endAtMs, neededRequests, expectedRequests } = event;
      return `probing until ${new Date(endAtMs).toISOString()}, from ${new Date(startAtMs).toISOString()} on; needs ${neededRequests.toFixed(0)} requests, expects ${expectedRequests.toFixed(0)}\n`;
    }
    case 'Going': {
      const { factor, weight, issuedShare } = event.progress;
      return `  x${factor.toFixed(2)}  weight ${weight}  issued ${percent(issuedShare ?? null)}\n`;
    }
    default:
      return '';
  }
}

export function measureText(measure: Measure): string {
  const { delaySec, gain, expectedGain, inFlightPerSidecar, requests } = measure;
  const rows = [
    ['delay', `${delaySec.value.toFixed(2)} s`, `${delaySec.low.toFixed(2)} .. ${delaySec.high.toFixed(2)} s`, '-'],
    ['gain', gain.value.toFixed(2), `${gain.low.toFixed(2)} .. ${gain.high.toFixed(2)}`, expectedGain.toFixed(2)],
  ];
  const stands = `over ${requests} requests; ${inFlightPerSidecar.toFixed(1)} in flight per sidecar at the endpoint`;
  return `${table(['PART', 'MEASURED', '95 % INTERVAL', 'EXPECTED'], rows)}\n${stands}\n${verdict(measure)}\n`;
}

function isSeen({ gain }: Measure): boolean {
  return gain.low > 0;
}

function verdict(measure: Measure): string {
  const { gain, expectedGain } = measure;
  if (!isSeen(measure))
    return 'the requests were not seen to follow the weight: take a larger --step or a longer --hold';
  if (gain.low <= expectedGain && expectedGain <= gain.high)
    return 'the requests follow the weight as the balancer should make them';
  return `the requests follow the weight ${gain.high < expectedGain ? 'less' : 'more'} than the balancer should make them`;
}

function readPercent(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  if (match === null) throw new InvalidArgumentError('expected a percentage such as 5%');
  return Number(match[1]) / 100;
}

function readHold(text: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined) throw new InvalidArgumentError('expected a duration such as 30s');
  return ms;
}
