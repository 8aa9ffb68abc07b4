import { styleText } from 'node:util';
import type { Command } from 'commander';
import type { OverloadView, ServerView, WarmthView } from '../../edge/observe/index.ts';
import { envoyWords, placeWords } from '../envoy-words.ts';
import { age, type Io, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { operationLine } from '../operation-words.ts';
import { outputOption } from '../output-flag.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { zoneLines } from '../zone-words.ts';

export const DEFAULT_ADMIN = '127.0.0.1:18001';

type Flags = TlsFlags & { readonly admin: string; readonly output: OutputFormat };

export function addStatus(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('status')
    .description('sidecars by resource type (SYNCED, STALE, NACKED), policy, endpoints, sources and certificates')
    .option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN)
    .addOption(outputOption());
  addTlsFlags(command)
    .addHelpText('after', '\nExample:\n  loadline status --output json')
    .action(async ({ admin, output, ...flags }: Flags) => {
      const tls = tlsOf(flags);
      const { connectObserve } = await import('../../edge/admin/index.ts');
      const client = connectObserve(admin, { tls });
      try {
        const view = await client.status();
        if (output === 'table') io.out(statusText(view, io.colour));
        else printValue(io, output, view);
        finish(0);
      } finally {
        client.close();
      }
    });
}

export function statusText(view: ServerView, colour: boolean): string {
  const { policy, nodes, services, sources, nowMs } = view;
  const lines = [
    `loadline ${view.version}, up ${age(nowMs - view.startedAtMs)}, tick ${view.tick}, policy revision ${view.revision} (${policy.files.join(', ')})`,
  ];
  const paint = (style: 'red' | 'yellow' | 'green', text: string) => (colour ? styleText(style, text) : text);
  for (const { position, path, message } of policy.problems) {
    const at = position === undefined ? '' : `${position.file}:${position.line}:${position.column} `;
    lines.push(paint('red', `the newest policy is refused: ${at}${path === '' ? '' : `${path}: `}${message}`));
  }
  for (const problem of view.tls?.problems ?? [])
    lines.push(paint('red', `the newest certificates are refused: ${problem}`));
  for (const { file, expiresAtMs, state } of view.tls?.certificates ?? []) {
    if (state === 'Valid') continue;
    const when = new Date(expiresAtMs).toISOString();
    const words = state === 'Expired' ? `has expired (${when})` : `expires in ${age(expiresAtMs - nowMs)} (${when})`;
    lines.push(paint(state === 'Late' ? 'yellow' : 'red', `${file} ${words}`));
  }
  for (const operation of view.operations) lines.push(paint('yellow', operationLine(operation)));
  lines.push(
    '',
    nodes.length === 0
      ? 'No sidecar is connected.'
      : table(
          ['SIDECAR', 'GROUP', 'ENVOY', 'CONNECTED', 'CDS', 'EDS', 'LDS', 'RDS', 'RTDS', 'ECDS'],
          nodes.map(({ id, group, envoyVersion, connectedAtMs, types }) => [
            id,
            group,
            envoyVersion || '-',
            age(nowMs - connectedAtMs),
            ...['cds', 'eds', 'lds', 'rds', 'rtds', 'ecds'].map(
              (type) => types.find((one) => one.type === type)?.status ?? '-',
            ),
          ]),
        ),
  );
  for (const { id, types } of nodes) {
    for (const { type, status, message = '', ...place } of types) {
      if (status === 'NACKED') {
        lines.push(paint('red', `${id} refuses ${type}${placeWords(place)}: ${envoyWords(message)}`));
      } else if (message !== '') {
        lines.push(paint('yellow', `${id} ${type}: ${message}`));
      }
    }
  }
  for (const service of services) {
    lines.push(
      '',
      `service ${service.name}: ${service.outcome}, weights stand for ${age(service.decidedAtMs === null ? null : nowMs - service.decidedAtMs)}`,
    );
    if (service.overload !== null) {
      const line = saturationLine(service.overload);
      lines.push(service.overload.level > 0 ? paint('yellow', line) : line);
      const { withoutSpot } = service.overload;
      if (withoutSpot !== null) {
        const reserve = reserveLine(withoutSpot);
        lines.push((withoutSpot.saturation ?? 0) > 1 ? paint('yellow', reserve) : reserve);
      }
    }
    if (service.failover !== null) {
      const line = `  tiers: ${service.failover.reason}`;
      lines.push(service.failover.phase === 'Home' ? line : paint('yellow', line));
    }
    if (service.zones !== null) lines.push(...zoneLines(service.zones).map((line) => `  ${line}`));
    for (const pool of service.pools) {
      if (pool.note !== undefined) lines.push(paint('yellow', `  pool ${pool.name}: ${pool.note}`));
      if (pool.warmth !== null) {
        const line = warmthLine(pool.name, pool.warmth);
        lines.push(pool.warmth.reason === '' ? line : paint('yellow', line));
      }
    }
    const rows = service.pools.flatMap((pool) =>
      pool.endpoints.map((one) => [
        `${pool.name}/${one.address}:${one.port}`,
        one.weight,
        percent(one.share),
        percent(one.issuedShare),
        one.inFlight === null ? '-' : one.inFlight.toFixed(0),
        one.pressure === null ? '-' : one.pressure.toFixed(2),
        age(one.ageMs),
        one.state,
      ]),
    );
    if (rows.length > 0)
      lines.push(table(['ENDPOINT', 'WEIGHT', 'SHARE', 'ISSUED', 'IN FLIGHT', 'PRESSURE', 'AGE', 'STATE'], rows));
    for (const { address, port, signalStates, gpuFault, leavingSinceMs, state, reason } of service.pools.flatMap(
      (pool) => pool.endpoints,
    )) {
      const conflicts = Object.entries(signalStates).flatMap(([kind, made]) => (made === 'Conflict' ? [kind] : []));
      if (gpuFault !== null)
        lines.push(
          paint(
            'red',
            `  ${address}:${port} ${state === 'Draining' ? 'drains' : 'stays'}: its GPU reported ${gpuFault}`,
          ),
        );
      if (leavingSinceMs !== null) lines.push(paint('yellow', `  ${address}:${port} ${reason}`));
      if (conflicts.length > 0)
        lines.push(
          paint(
            'yellow',
            `  ${address}:${port} contradicts itself: ${conflicts.join(', ')} (loadline explain says how)`,
          ),
        );
    }
  }
  const failing = sources.filter(({ consecutiveFailures }) => consecutiveFailures > 0);
  if (failing.length > 0) {
    lines.push('', `${failing.length} of ${sources.length} sources fail:`);
    for (const { source, lastError, lastSuccessMs } of failing) {
      lines.push(
        paint(
          'yellow',
          `  ${source}: ${lastError ?? 'failed'} (last success ${lastSuccessMs === undefined ? 'never' : `${age(nowMs - lastSuccessMs)} ago`})`,
        ),
      );
    }
  }
  const incomplete = sources.filter(
    ({ consecutiveFailures, lastError }) => consecutiveFailures === 0 && lastError !== undefined,
  );
  if (incomplete.length > 0) {
    lines.push('', `${incomplete.length} of ${sources.length} sources say less than they should:`);
    for (const { source, lastError } of incomplete) lines.push(paint('yellow', `  ${source}: ${lastError}`));
  }
  return `${lines.join('\n')}\n`;
}

/** `  saturation 1.04, level 3 of 3: P3 100 %, P2 35 % shed, P1 40 % to standby (33 in flight for 32 slots of 2 servers)` */
function saturationLine({ saturation, reason, level, levels, sheds, degrades }: OverloadView): string {
  const known = saturation === null ? 'saturation unknown' : `saturation ${saturation.toFixed(2)}`;
  const shed = sheds.map((one) => `${one.class} ${one.percent} %`).join(', ');
  const given = [
    ...(shed === '' ? [] : [`${shed} shed`]),
    ...degrades.map((one) => `${one.class} ${one.percent} % to ${one.pool}`),
  ].join(', ');
  const ladder = levels === 0 ? '' : `, level ${level} of ${levels}${given === '' ? '' : `: ${given}`}`;
  return `  ${known}${ladder} (${reason})`;
}

/** `  without Spot 1.35: no reserve for the loss of it (54 in flight for 40 slots of the servers that would stay)` */
function reserveLine({ saturation, reason }: NonNullable<OverloadView['withoutSpot']>): string {
  if (saturation === null) return `  without Spot unknown (${reason})`;
  const short = saturation > 1 ? ': no reserve for the loss of it' : '';
  return `  without Spot ${saturation.toFixed(2)}${short} (${reason})`;
}

function warmthLine(pool: string, { warm, cold, unknown, reason }: WarmthView): string {
  const counts = [`${warm} warm`, `${cold} cold`, ...(unknown > 0 ? [`${unknown} unknown`] : [])].join(', ');
  return `  kept warm ${pool}: ${counts}${reason === '' ? '' : ` (${reason})`}`;
}

export function percent(value: number | null): string {
  return value === null ? '-' : `${(value * 100).toFixed(1)} %`;
}
