/** Names that only a server knows, or a file of this user. */
export type Live =
  | 'Services'
  | 'Targets'
  | 'Endpoints'
  | 'Pools'
  | 'Nodes'
  | 'Groups'
  | 'Operations'
  | 'Documents'
  | 'Profiles'
  | 'EventKinds';

export type Candidates =
  | { readonly kind: 'None' }
  | { readonly kind: 'Words'; readonly words: readonly string[] }
  | { readonly kind: 'Live'; readonly live: Live }
  | { readonly kind: 'Files' }
  | { readonly kind: 'Directories' };

/** Where a value stands: `flag` is '' for an operand. */
export type Slot = { readonly command: string; readonly flag: string; readonly placeholder: string };

const NONE: Candidates = { kind: 'None' };
const FILES: Candidates = { kind: 'Files' };
const live = (what: Live): Candidates => ({ kind: 'Live', live: what });

/** What the usage of a command calls a value says what it is. A test holds that every placeholder is here. */
export const PLACEHOLDERS: Readonly<Record<string, Candidates>> = {
  SERVICE: live('Services'),
  'SERVICE[/POOL[/ENDPOINT]]': live('Targets'),
  'SERVICE/POOL/ENDPOINT': live('Endpoints'),
  SUBJECT: live('Targets'),
  POOL: live('Pools'),
  NODE: live('Nodes'),
  ID: NONE,
  KIND: live('EventKinds'),
  'KIND[/NAME]': live('Documents'),
  'KIND/NAME': live('Documents'),
  FILE: FILES,
  PATH: FILES,
  DIR: { kind: 'Directories' },
  NAME: NONE,
  ADDR: NONE,
  'ADDR,ADDR': NONE,
  'ADDR=URL': NONE,
  'ADDR[=GPU,...]': NONE,
  'NAME=ADDR': NONE,
  'POOL=N': NONE,
  'SEQUENCE:HASH': NONE,
  SEQUENCE: NONE,
  CLASS: NONE,
  DURATION: NONE,
  FACTOR: NONE,
  HOST: NONE,
  K: NONE,
  KEY: NONE,
  'KEY[=VALUE][:DURATION]': NONE,
  N: NONE,
  PERCENT: NONE,
  PORT: NONE,
  RATIO: NONE,
  REV: NONE,
  RPS: NONE,
  SHAPE: NONE,
  TEXT: NONE,
  TIME: NONE,
  URL: NONE,
  VERSION: NONE,
  WORDS: NONE,
  ZONE: NONE,
};

/** Where the placeholder says too little. */
const BY_SLOT: Readonly<Record<string, Candidates>> = {
  'operations cancel ID': live('Operations'),
  'proxy-config --group': live('Groups'),
  'bootstrap --group': live('Groups'),
};

export function candidatesOf({ command, flag, placeholder }: Slot): Candidates {
  // The same word in every command that speaks to a server; elsewhere it takes a file.
  if (flag === '--profile' && placeholder === 'NAME') return live('Profiles');
  return BY_SLOT[`${command} ${flag === '' ? placeholder : flag}`] ?? PLACEHOLDERS[placeholder] ?? NONE;
}
