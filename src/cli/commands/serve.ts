import { type Command, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import { isLoopback, parseAddress } from '../../base/units/index.ts';
import type { ValidateMode } from '../../core/dry-run/index.ts';
import type { LogLevel } from '../../edge/observe/index.ts';
import { type AllowList, parseAllowList } from '../../edge/outbound/index.ts';
import type { TlsFiles } from '../../edge/tls/index.ts';
import type { Io } from '../io.ts';
import type { Finish } from '../main.ts';

type Flags = {
  readonly config?: string;
  readonly policies?: string;
  readonly data?: string;
  readonly xds?: string;
  readonly admin?: string;
  readonly http?: string;
  readonly dev?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly tlsClientCrl?: string;
  readonly access?: string;
  readonly fetchAllow?: readonly string[];
  readonly logLevel?: LogLevel;
  readonly record?: string;
  readonly recordMaxMib?: number;
  readonly validate?: ValidateMode;
  readonly envoy?: readonly string[];
  readonly maxShrink?: string;
};

/** Where a server keeps its data when nobody says otherwise. */
export const DEFAULT_DATA = '.loadline';

const DEFAULTS = {
  data: DEFAULT_DATA,
  xds: '127.0.0.1:18000',
  admin: '127.0.0.1:18001',
  http: '127.0.0.1:18002',
  logLevel: 'info',
  recordMaxMib: 1024,
  validate: 'Prefer',
  maxShrink: '50%',
} as const;
/** Of core/dry-run, which is loaded only when the server is. */
const MODES: readonly ValidateMode[] = ['Require', 'Prefer', 'Disabled'];
/** As in edge/observe, which is loaded only when the server is. */
export const LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const KEYS: readonly string[] = [
  'policies',
  'data',
  'xds',
  'admin',
  'http',
  'dev',
  'tlsCert',
  'tlsKey',
  'tlsClientCa',
  'tlsClientCrl',
  'access',
  'fetchAllow',
  'logLevel',
  'record',
  'recordMaxMib',
  'validate',
  'envoy',
  'maxShrink',
];
/** Of the keys that are no text. */
const TYPES: Readonly<Record<string, string>> = {
  dev: 'boolean',
  recordMaxMib: 'number',
  fetchAllow: 'list',
  envoy: 'list',
};
const MIB_BYTES = 1024 * 1024;

export function addServe(program: Command, _io: Io, finish: Finish): void {
  program
    .command('serve')
    .description('run the server')
    .option('--config <FILE>', `YAML file with these flags (${KEYS.join(', ')}); flags win`)
    .option(
      '--policies <PATH>',
      'policy file, or folder of *.yaml; reloaded when it changes; the only writer then (default: the store in --data)',
    )
    .option('--data <DIR>', `checkpoints, the last good policy, and the store of policies (default: ${DEFAULTS.data})`)
    .option('--xds <ADDR>', `where Envoys connect: HOST:PORT or unix:PATH (default: ${DEFAULTS.xds})`)
    .option('--admin <ADDR>', `gRPC for people and tools (default: ${DEFAULTS.admin})`)
    .option('--http <ADDR>', `/metrics, /livez, /readyz, /api/state (default: ${DEFAULTS.http})`)
    .option(
      '--tls-cert <FILE>',
      'certificate of the server for xDS and admin, PEM, with its chain; read again when it changes',
    )
    .option('--tls-key <FILE>', 'its private key, PEM')
    .option('--tls-client-ca <FILE>', 'authorities whose clients are let in (sidecars, agents, people), PEM')
    .option('--tls-client-crl <FILE>', 'certificates that they have revoked, PEM: one list for each authority')
    .option('--dev', 'plaintext, on loopback only; who can connect may do everything')
    .option(
      '--access <FILE>',
      'access policy: who may do what with the admin API; reloaded when it changes (default: nobody)',
    )
    .option(
      '--fetch-allow <HOST...>',
      'hosts that may be asked for metrics and keys: names, *.SUFFIX, addresses, ranges such as 10.0.0.0/8 (default: all but link-local, metadata services and multicast)',
    )
    .addOption(
      new Option('--log-level <LEVEL>', `least level that is logged (default: ${DEFAULTS.logLevel})`).choices(LEVELS),
    )
    .option(
      '--record <FILE>',
      'write what each tick took in and decided, for `loadline replay`; an older one becomes FILE.1',
    )
    .option(
      '--record-max-mib <N>',
      `size at which a recording becomes FILE.1 and a new one begins (default: ${DEFAULTS.recordMaxMib})`,
      Number,
    )
    .addOption(
      new Option(
        '--validate <MODE>',
        `whether a real Envoy judges each change before it comes into force: Require refuses what none could judge (default: ${DEFAULTS.validate})`,
      ).choices(MODES),
    )
    .option(
      '--envoy <PATH...>',
      'Envoys that judge (default: LOADLINE_ENVOY, else those on PATH and in the cache folder; nothing is downloaded)',
    )
    .option(
      '--max-shrink <PERCENT>',
      `of endpoints, or clusters, that one change may take away without being forced (default: ${DEFAULTS.maxShrink})`,
    )
    .addHelpText(
      'after',
      '\nExamples:' +
        '\n  loadline serve --dev --policies docs/examples/lab.yaml' +
        '\n  loadline serve --policies lab.yaml --tls-cert server.crt --tls-key server.key --tls-client-ca ca.crt' +
        '\n\nPort 0 takes a free port; the line "loadline is ready" names it. HTTP is always plaintext, and beyond loopback it ' +
        'has only /metrics, /livez and /readyz.',
    )
    .action(async (flags: Flags) => {
      const options = { ...DEFAULTS, ...(await configFile(flags.config)), ...defined(flags) };
      const tls = tlsOf(options);
      for (const name of ['xds', 'admin', 'http'] as const) {
        const address = parseAddress(options[name]);
        if (!address.ok) throw usage(`--${name}: ${address.issues[0]?.message}`);
        if (tls === undefined && !isLoopback(address.value))
          throw usage(
            `--${name} ${options[name]}: with --dev only loopback addresses are allowed, since there is no TLS`,
          );
      }
      if (options.dev === true && options.access !== undefined)
        throw usage('--access and --dev contradict each other: with --dev who can connect may do everything');
      const fetchAllow = allowList(options.fetchAllow);
      const { record: path, recordMaxMib } = options;
      if (!Number.isInteger(recordMaxMib) || recordMaxMib < 1)
        throw usage(`--record-max-mib ${recordMaxMib}: expected a whole number of MiB, at least 1`);
      const record = path === undefined ? undefined : { path, maxBytes: recordMaxMib * MIB_BYTES };
      const { runServe } = await import('../../app/index.ts');
      const { policies, data, xds, admin, http, access, logLevel, validate: mode, envoy: envoys } = options;
      const validate = { mode, envoys, maxShrinkRatio: shrinkRatio(options.maxShrink) };
      finish(await runServe({ policies, data, xds, admin, http, tls, access, fetchAllow, validate, logLevel, record }));
    });
}

/** Undefined with `--dev`; there is nothing between mutual TLS and that. */
function tlsOf({ dev, tlsCert, tlsKey, tlsClientCa, tlsClientCrl }: Flags): TlsFiles | undefined {
  const needed = { '--tls-cert': tlsCert, '--tls-key': tlsKey, '--tls-client-ca': tlsClientCa };
  if (dev === true) {
    const given = Object.entries({ ...needed, '--tls-client-crl': tlsClientCrl }).find(
      ([, path]) => path !== undefined,
    );
    if (given === undefined) return undefined;
    throw usage(`${given[0]} and --dev contradict each other: --dev is plaintext; leave out one of them`);
  }
  if (tlsCert === undefined || tlsKey === undefined || tlsClientCa === undefined) {
    const missing = Object.entries(needed).flatMap(([flag, path]) => (path === undefined ? [flag] : []));
    throw usage(
      `without --dev xDS and admin demand mutual TLS, and ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing; \`loadline certs dev\` makes certificates to try it out, and --dev is plaintext, on loopback only`,
    );
  }
  return { cert: tlsCert, key: tlsKey, clientCa: tlsClientCa, clientCrl: tlsClientCrl };
}

async function configFile(path: string | undefined): Promise<Flags> {
  if (path === undefined) return {};
  const [{ readFile }, { parse }] = await Promise.all([import('node:fs/promises'), import('yaml')]);
  let value: unknown;
  try {
    value = parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw usage(`--config ${path}: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usage(`--config ${path}: expected keys ${KEYS.join(', ')}`);
  for (const [key, one] of Object.entries(value)) {
    if (!KEYS.includes(key)) throw usage(`--config ${path}: unknown key '${key}'; expected one of ${KEYS.join(', ')}`);
    if (typeOf(one) !== (TYPES[key] ?? 'string')) throw usage(`--config ${path}: '${key}' has the wrong type`);
    if (key === 'logLevel' && !LEVELS.includes(one as LogLevel))
      throw usage(`--config ${path}: logLevel '${one}' is none of ${LEVELS.join(', ')}`);
    if (key === 'validate' && !MODES.includes(one as ValidateMode))
      throw usage(`--config ${path}: validate '${one}' is none of ${MODES.join(', ')}`);
  }
  return value as Flags;
}

function typeOf(value: unknown): string {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? 'list' : typeof value;
}

function allowList(entries: readonly string[] | undefined): AllowList | undefined {
  if (entries === undefined) return undefined;
  const list = parseAllowList(entries);
  if (!list.ok) throw usage(`--fetch-allow ${list.issues[0]?.message}`);
  return list.value;
}

function shrinkRatio(text: string): number {
  const match = /^(\d{1,3})%$/.exec(text);
  const percent = match === null ? Number.NaN : Number(match[1]);
  if (percent <= 100) return percent / 100;
  throw usage(`--max-shrink ${text}: expected a percentage such as 50%, at most 100%`);
}

function defined(flags: Flags): Flags {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
}

function usage(message: string): LoadlineError {
  return new LoadlineError('LOADLINE_CONFIG', message);
}
