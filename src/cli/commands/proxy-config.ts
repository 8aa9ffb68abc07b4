import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { ConfigResourceView, ConfigTypeView, ProxyConfigView } from '../../edge/observe/index.ts';
import { envoyWords, placeWords } from '../envoy-words.ts';
import { age, type Io, OUTPUT_FORMATS, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { DEFAULT_ADMIN } from './status.ts';

/** As in edge/observe, which is loaded only when a command runs. */
const TYPES: readonly string[] = ['cds', 'eds', 'sds', 'rtds', 'ecds', 'lds', 'rds'];

type Flags = TlsFlags & { readonly admin: string; readonly type?: string; readonly output: OutputFormat };

export function addProxyConfig(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('proxy-config')
    .description('what one sidecar should have, was sent and has ACKed, by type and resource')
    .argument('<NODE>', 'id of the sidecar, as loadline status shows it')
    .option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN)
    .addOption(new Option('--type <TYPE>', 'this type alone').choices(TYPES))
    .addOption(new Option('--output <FORMAT>', 'format').choices(OUTPUT_FORMATS).default('table'));
  addTlsFlags(command)
    .addHelpText(
      'after',
      '\nExample:\n  loadline proxy-config a --type eds\n\nA line with ! is a resource that the sidecar does not have as it should; why stands below the table.',
    )
    .action(async (node: string, { admin, type, output, ...flags }: Flags) => {
      const tls = tlsOf(flags);
      const { connectObserve } = await import('../../edge/admin/index.ts');
      const client = connectObserve(admin, { tls });
      try {
        const result = await client.proxyConfig({ node, ...(type === undefined ? {} : { type }) });
        if (!result.ok)
          throw new LoadlineError('LOADLINE_ADMIN', result.issues.map(({ message }) => message).join('; '));
        if (output === 'table') io.out(proxyConfigText(result.value, { type, colour: io.colour }));
        else printValue(io, output, result.value);
        finish(0);
      } finally {
        client.close();
      }
    });
}

export function proxyConfigText(
  view: ProxyConfigView,
  options: { readonly type?: string | undefined; readonly colour: boolean },
): string {
  const { id, group, envoyVersion, connectedAtMs, nowMs, policyRevision, types } = view;
  const head = `sidecar ${id}: group ${group || '-'}, Envoy ${envoyVersion || '-'}, connected ${age(nowMs - connectedAtMs)}; policy revision ${policyRevision} is in force`;
  if (types.length === 0) {
    return `${head}\n\nIt has asked for ${options.type === undefined ? 'nothing yet' : `no ${options.type}`}.\n`;
  }
  const lines = [head, '', overview(types, nowMs)];
  const rows = types.flatMap(({ type, resources }) => resources.map((one) => row(type, one)));
  if (rows.length > 0) {
    const names = ['', 'TYPE', 'RESOURCE', 'STATE', 'WANTED', 'SENT', 'ACKED', 'ORIGIN', 'REVISION'];
    lines.push('', table(names, rows));
  }
  const why = types.flatMap(({ type, resources }) =>
    resources.flatMap((one) => sentences(type, one, nowMs, options.colour)),
  );
  if (why.length > 0) lines.push('', ...why);
  return `${lines.join('\n')}\n`;
}

function overview(types: readonly ConfigTypeView[], nowMs: number): string {
  const ago = (atMs: number | undefined): string => (atMs === undefined ? '-' : `${age(nowMs - atMs)} ago`);
  const severalPeers = new Set(types.map(({ peer }) => peer)).size > 1;
  return table(
    ['TYPE', 'RESOURCES', 'NOT SYNCED', 'LAST SENT', 'LAST ACK', ...(severalPeers ? ['CONNECTION'] : [])],
    types.map(({ type, resources, sentAtMs, ackedAtMs, peer }) => [
      type,
      resources.length,
      resources.filter(({ status }) => status !== 'SYNCED').length,
      ago(sentAtMs),
      ago(ackedAtMs),
      ...(severalPeers ? [peer] : []),
    ]),
  );
}

/** `=` stands for the version that is wanted, so that what differs is all that there is to read. */
function row(type: string, resource: ConfigResourceView): readonly string[] {
  const { name, status, wantedVersion, sentVersion, ackedVersion, origin, revision } = resource;
  const version = (of: string | undefined): string => (of === undefined ? '-' : of === wantedVersion ? '=' : of);
  return [
    status === 'SYNCED' ? '=' : '!',
    type,
    name,
    status,
    wantedVersion ?? 'none',
    version(sentVersion),
    version(ackedVersion),
    origin ?? '-',
    revision ?? '-',
  ];
}

function sentences(type: string, one: ConfigResourceView, nowMs: number, colour: boolean): readonly string[] {
  const { name, wantedVersion, ackedVersion, waiting, refusal } = one;
  const said: string[] = [];
  if (refusal !== undefined) {
    const keeps = ackedVersion === undefined ? 'it has none' : `it keeps ${ackedVersion}`;
    const text = `${type} ${name} was refused ${age(nowMs - refusal.atMs)} ago${placeWords(one)}, ${keeps}: ${envoyWords(refusal.message)}`;
    said.push(colour ? styleText('red', text) : text);
  }
  if (waiting !== undefined) {
    const what = wantedVersion === undefined ? 'is to go, and has been waiting' : 'has been waiting';
    const text = waiting.gaveUp
      ? `${type} ${name} went out all the same after a wait in vain: ${waiting.reason}`
      : `${type} ${name} ${what} for ${age(nowMs - waiting.sinceMs)}: ${waiting.reason}`;
    said.push(colour ? styleText('yellow', text) : text);
  }
  return said;
}
