import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { LoadlineError } from '../../base/errors.ts';
import type { Issue } from '../../base/units/index.ts';
import { listed, PROFILE_KEYS, type Profile, type ProfileKey, parseProfiles } from './parse-profiles.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const VARIABLE = 'LOADLINE_PROFILE';
/** Title of these flags in the help: the same long tail in some twenty commands. */
export const SERVER_GROUP = 'Which server, and as whom:';
const NO_PATH: ReadonlySet<ProfileKey> = new Set(['admin', 'tlsServerName']);

/** For every command that is a client of the admin API. */
export function addProfileFlag(command: Command): Command {
  return command.addOption(
    new Option(
      '--profile <NAME>',
      "address and certificates by the name that your file of profiles has for them (default: its current one; '' for none)",
    )
      .env(VARIABLE)
      .helpGroup(SERVER_GROUP),
  );
}

/** Commands that ask a server only with one of their flags, by its name: without it they must not fail over a file of profiles. */
const ONLY_WITH = new WeakMap<Command, string>();

export function useProfileOnlyWith(command: Command, flag: string): void {
  ONLY_WITH.set(command, flag);
}

/**
 * Fills in what neither a flag nor a variable says, before the command runs: so no command knows of profiles, and none can
 * forget them.
 * @throws LoadlineError LOADLINE_CONFIG for a file that is bad, or has no such profile
 */
export function useProfile(command: Command, env: Environment = process.env): void {
  const has = (name: string): boolean => command.options.some((option) => option.attributeName() === name);
  // Other commands have a flag of this name for another thing.
  if (!command.options.some(({ envVar }) => envVar === VARIABLE)) return;
  const flag = ONLY_WITH.get(command);
  if (flag !== undefined && command.getOptionValue(flag) === undefined) return;
  const profile = profileOf(command.getOptionValue('profile') as string | undefined, env);
  for (const key of PROFILE_KEYS) {
    const value = profile[key];
    // The agent has an address of its own that is called otherwise.
    const name = key === 'admin' && !has('admin') ? 'server' : key;
    if (value === undefined || !has(name)) continue;
    const source = command.getOptionValueSource(name);
    if (source === undefined || source === 'default') command.setOptionValueWithSource(name, value, 'config');
  }
}

/** Those of the file of profiles, where there is one. @throws LoadlineError LOADLINE_CONFIG for a file that is bad */
export function profileNames(env: Environment = process.env): readonly string[] {
  const file = profilesFile(env);
  const text = file === undefined ? undefined : textOf(file);
  if (file === undefined || text === undefined) return [];
  const read = parseProfiles(file.path, text);
  if (!read.ok) throw bad(read.issues.map(issueLine).join('\n'));
  return [...read.value.profiles.keys()];
}

function profileOf(asked: string | undefined, env: Environment): Profile {
  // Empty: flags and variables alone.
  if (asked === '') return {};
  const file = profilesFile(env);
  const text = file === undefined ? undefined : textOf(file);
  if (file === undefined || text === undefined) {
    if (asked === undefined) return {};
    throw bad(
      `--profile ${asked}: ${file === undefined ? 'LOADLINE_CONFIG names no file' : `there is no file ${file.path}`}`,
    );
  }
  const read = parseProfiles(file.path, text);
  if (!read.ok) throw bad(read.issues.map(issueLine).join('\n'));
  const { current, profiles } = read.value;
  const name = asked ?? current;
  if (name === undefined) return {};
  const profile = profiles.get(name);
  if (profile === undefined)
    throw bad(`--profile ${name}: ${file.path} has no such profile; there are: ${listed(profiles)}`);
  return Object.fromEntries(
    Object.entries(profile).map(([key, value]) => [
      key,
      NO_PATH.has(key as ProfileKey) ? value : absolute(dirname(file.path), value),
    ]),
  );
}

type Place = { readonly path: string /** Somebody names it, so it must be there. */; readonly asked: boolean };

/** `LOADLINE_CONFIG` where it is set, and no file where it is empty; else the place that the XDG rules give. */
function profilesFile(env: Environment): Place | undefined {
  const { LOADLINE_CONFIG: named, XDG_CONFIG_HOME: folder } = env;
  if (named !== undefined) return named === '' ? undefined : { path: resolve(named), asked: true };
  // The rules say that a relative one is to be ignored.
  const config = folder?.startsWith('/') === true ? folder : join(homedir(), '.config');
  return { path: join(config, 'loadline', 'config.yaml'), asked: false };
}

/** Undefined: there is none, and none has to be. */
function textOf({ path, asked }: Place): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!asked && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined;
    throw bad(`${path}: the file of profiles cannot be read (${code}); LOADLINE_CONFIG='' does without one`);
  }
}

/** Beside the file of profiles, where it is relative: a folder with both can be moved. */
function absolute(folder: string, path: string): string {
  return path.startsWith('~/') ? join(homedir(), path.slice(2)) : resolve(folder, path);
}

function issueLine({ position, path, message, hint }: Issue): string {
  const at = position === undefined ? '' : `${position.file}:${position.line}:${position.column} `;
  return `${at}${path === '' ? '' : `${path}: `}${message}${hint === undefined ? '' : ` (${hint})`}`;
}

function bad(message: string): LoadlineError {
  return new LoadlineError('LOADLINE_CONFIG', message);
}
