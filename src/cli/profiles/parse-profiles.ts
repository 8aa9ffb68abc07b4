import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { type Issue, parseAddress, type Result } from '../../base/units/index.ts';

/** What a profile may say; all but `admin` and `tlsServerName` are paths of files. */
export const PROFILE_KEYS = ['admin', 'tlsCa', 'tlsCert', 'tlsKey', 'tlsServerName', 'tokenFile'] as const;
export type ProfileKey = (typeof PROFILE_KEYS)[number];
export type Profile = Readonly<Partial<Record<ProfileKey, string>>>;

export type Profiles = {
  readonly current: string | undefined;
  readonly profiles: ReadonlyMap<string, Profile>;
};

const TOP_KEYS = ['current', 'profiles'];
const MAX_CHARS = 64 * 1024;
const MAX_VALUE_CHARS = 4096;
const NAME = /^[A-Za-z0-9][\w.-]{0,62}$/;

/**
 * The file of profiles. Read off the nodes of YAML rather than off plain values, because every mistake is told with its
 * place, and no value in it is repeated: somebody may have put a secret where a path belongs.
 */
export function parseProfiles(file: string, text: string): Result<Profiles> {
  const reader = new Reader(file);
  if (text.length > MAX_CHARS) {
    reader.refuse('', undefined, `the file has ${text.length} characters, more than ${MAX_CHARS}`);
    return { ok: false, issues: reader.issues };
  }
  const document = parseDocument(text, { lineCounter: reader.lines, uniqueKeys: true, stringKeys: true });
  for (const error of document.errors) reader.refuseAt('', error.pos[0], error.message.split('\n')[0] ?? '');
  if (document.errors.length > 0) return { ok: false, issues: reader.issues };
  const value = reader.profiles(document.contents);
  return reader.issues.length > 0 ? { ok: false, issues: reader.issues } : { ok: true, value, warnings: [] };
}

class Reader {
  readonly lines: LineCounter = new LineCounter();
  readonly issues: Issue[] = [];
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  profiles(root: Node | null): Profiles {
    const profiles = new Map<string, Profile>();
    let current: string | undefined;
    for (const { key, value, node } of this.#entries('', root, TOP_KEYS)) {
      if (key === 'current') current = this.#text('current', value ?? node);
      else
        for (const one of this.#entries('profiles', value)) {
          if (!NAME.test(one.key))
            this.refuse('profiles', one.node, 'a name has letters, digits, ., _ and -, at most 63');
          else profiles.set(one.key, this.#profile(`profiles.${one.key}`, one.value));
        }
      if (key === 'current' && value === null) this.refuse('current', node, 'expected the name of a profile');
    }
    if (current !== undefined && !profiles.has(current)) {
      const place = isMap(root) ? root.items.find((pair) => nameOf(pair) === 'current')?.value : undefined;
      this.refuse('current', place as Node | undefined, `there is no such profile; there are: ${listed(profiles)}`);
    }
    return { current, profiles };
  }

  refuse(path: string, node: Node | null | undefined, message: string, hint?: string): void {
    this.refuseAt(path, node?.range?.[0] ?? 0, message, hint);
  }

  refuseAt(path: string, offset: number, message: string, hint?: string): void {
    const { line, col } = this.lines.linePos(offset);
    const position = { file: this.#file, line: Math.max(1, line), column: Math.max(1, col) };
    this.issues.push({ code: 'PROFILE', path, message, position, ...(hint === undefined ? {} : { hint }) });
  }

  #profile(path: string, node: Node | null): Profile {
    const profile: Partial<Record<ProfileKey, string>> = {};
    for (const { key, value, node: at } of this.#entries(path, node, PROFILE_KEYS)) {
      const text = this.#text(`${path}.${key}`, value ?? at);
      if (text === undefined) continue;
      const problem = key === 'admin' ? addressProblem(text) : undefined;
      if (problem === undefined) profile[key as ProfileKey] = text;
      else this.refuse(`${path}.${key}`, value, problem);
    }
    return profile;
  }

  #entries(path: string, node: Node | null, known?: readonly string[]) {
    // An empty file, and an empty profile, say nothing.
    if (node === null || (isScalar(node) && node.value === null)) return [];
    if (!isMap(node)) {
      this.refuse(path, node, `expected a mapping${known === undefined ? '' : ` of ${known.join(', ')}`}`);
      return [];
    }
    return node.items.flatMap((pair) => {
      const key = nameOf(pair as Pair);
      const at = pair.key as Node;
      if (known !== undefined && !known.includes(key)) {
        const hint = 'a profile has the paths of files, and never a secret itself';
        this.refuse(path, at, `unknown key; expected one of ${known.join(', ')}`, hint);
        return [];
      }
      return [{ key, value: pair.value as Node | null, node: at }];
    });
  }

  #text(path: string, node: Node): string | undefined {
    const value = isScalar(node) ? node.value : undefined;
    if (
      typeof value === 'string' &&
      value !== '' &&
      value.length <= MAX_VALUE_CHARS &&
      !/[\r\n]|-----BEGIN/.test(value)
    )
      return value;
    this.refuse(
      path,
      node,
      'expected a text of one line',
      'certificates, keys and tokens are given by the paths of their files',
    );
    return undefined;
  }
}

export function listed(profiles: ReadonlyMap<string, Profile>): string {
  return profiles.size === 0 ? 'none' : [...profiles.keys()].join(', ');
}

function nameOf({ key }: { readonly key: unknown }): string {
  return isScalar(key) ? String(key.value) : '';
}

function addressProblem(text: string): string | undefined {
  return parseAddress(text).ok ? undefined : 'expected HOST:PORT or unix:PATH';
}
