import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { ConfigResourceView, ConfigTypeView, ProxyConfigView } from '../../edge/observe/index.ts';
import { granted } from '../by-hand.ts';
import { envoyWords, placeWords } from '../envoy-words.ts';
import { age, type Io, type OutputFormat, printValue, table } from '../io.ts';
import type { Finish } from '../main.ts';
import { outputOption } from '../output-flag.ts';
import { addTlsFlags, type TlsFlags, tlsOf } from '../tls-flags.ts';
import { DEFAULT_ADMIN } from './status.ts';

/** As in edge/observe, which is loaded only when a command runs. */
const TYPES: readonly string[] = ['cds', 'eds', 'sds', 'rtds', 'ecds', 'lds', 'rds'];

type Flags = TlsFlags & {
  readonly admin: string;
  readonly type?: string;
  readonly name?: readonly string[];
  readonly content?: boolean;
  readonly group?: string;
  readonly envoyVersion?: string;
  readonly output: OutputFormat;
};

export function addProxyConfig(program: Command, io: Io, finish: Finish): void {
  const command = program
    .command('proxy-config')
    .description(
      'what one sidecar should have, was sent and has ACKed, by type and resource; with --content the resources',
    )
    .argument('[NODE]', 'id of the sidecar, as loadline status shows it')
    .option('--admin <ADDR>', 'address of the server', DEFAULT_ADMIN)
    .addOption(new Option('--type <TYPE>', 'this type alone').choices(TYPES))
    .option('--name <NAME...>', 'resources of these names alone')
    .option('--content', 'print the resources themselves, as the sidecar should have them now, in YAML or JSON')
    .option('--group <NAME>', 'in place of NODE: the content for a sidecar of this group that joins now')
    .option('--envoy-version <VERSION>', 'with --group: for this release of Envoy, such as 1.38 (default: the newest)')
    .addOption(outputOption());
  addTlsFlags(command)
    .addHelpText(
      'after',
      `
A line with ! is a resource that the sidecar does not have as it should; why stands below the table.
The content is Envoy's configuration in its own words, with the place in your policy that asks for it. Secrets are redacted.

Examples:
  loadline proxy-config a --type eds
  loadline proxy-config a --type cds --content
  loadline proxy-config a --type eds --name chat --content -o json
  loadline proxy-config --group lab --envoy-version 1.38`,
    )
    .action(async (node: string | undefined, { admin, output, ...flags }: Flags) => {
      const { type, name: names = [], group, envoyVersion, content = group !== undefined } = flags;
      const mistake = usageMistake(node, flags);
      if (mistake !== undefined) command.error(`error: ${mistake}`);
      if (content && output === 'table' && command.getOptionValueSource('output') === 'cli')
        command.error('error: the content has no table; leave --output out, or give yaml or json');
      const tls = tlsOf(flags);
      const { connectObserve } = await import('../../edge/admin/index.ts');
      const client = connectObserve(admin, { tls });
      try {
        const about = { ...(node === undefined ? {} : { node }), ...(type === undefined ? {} : { type }) };
        if (content) {
          const more = {
            ...(group === undefined ? {} : { group }),
            ...(envoyVersion === undefined ? {} : { envoyVersion }),
          };
          const view = granted(await client.snapshot({ ...about, ...more, names }));
          printValue(io, output === 'table' ? 'yaml' : output, view);
        } else {
          const view = named(granted(await client.proxyConfig({ node: '', ...about })), names);
          if (output === 'table') io.out(proxyConfigText(view, { type, colour: io.colour }));
          else printValue(io, output, view);
        }
        finish(0);
      } finally {
        client.close();
      }
    });
}

function usageMistake(
  node: string | undefined,
  { group, envoyVersion }: Pick<Flags, 'group' | 'envoyVersion'>,
): string | undefined {
  if (node === undefined && group === undefined) return 'expected the id of a sidecar, or --group NAME';
  if (node !== undefined && group !== undefined) return 'expected the id of a sidecar or --group NAME, not both';
  if (node !== undefined && envoyVersion !== undefined)
    return '--envoy-version goes with --group: a sidecar has its own';
  return undefined;
}

/** @throws LoadlineError LOADLINE_ADMIN for a name that there is not */
function named(view: ProxyConfigView, names: readonly string[]): ProxyConfigView {
  if (names.length === 0) return view;
  const known = new Set(view.types.flatMap(({ resources }) => resources.map(({ name }) => name)));
  const missing = names.find((name) => !known.has(name));
  if (missing !== undefined)
    throw new LoadlineError(
      'LOADLINE_ADMIN',
      `no resource "${missing}"; there are: ${[...known].join(', ') || 'none'}`,
    );
  const types = view.types.map((one) => ({
    ...one,
    resources: one.resources.filter(({ name }) => names.includes(name)),
  }));
  return { ...view, types: types.filter(({ resources }) => resources.length > 0) };
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
