import type { Command } from 'commander';
import type { ServerView } from '../../edge/observe/index.ts';
import { profileNames, useProfile } from '../profiles/use-profile.ts';
import { type TlsFlags, tlsOf } from '../tls-flags.ts';
import type { Live } from './candidates.ts';

export type LiveQuestion = {
  readonly live: Live;
  /** Its flags are read off the line: they say which server, and as whom. */
  readonly command: Command;
  readonly operands: readonly string[];
  /** What stands before the cursor. */
  readonly current: string;
};

/** SERVICE/POOL/ENDPOINT: only the last needs to know of endpoints. */
const TARGET_PARTS = 3;
/** Whoever pressed the key is waiting: names that come later are none. */
const DEADLINE_MS = 1000;

/** @throws what a command throws that cannot reach its server, or may not ask it */
export async function liveNames(question: LiveQuestion): Promise<readonly string[]> {
  const { live, command } = question;
  if (live === 'Profiles') return profileNames();
  if (live === 'EventKinds') return Object.keys((await import('../../edge/observe/index.ts')).EVENT_KINDS);
  const { admin, ...flags } = command.opts<{ readonly admin?: string } & TlsFlags>();
  if (admin === undefined) return [];
  const { connectObserve, connectPolicies } = await import('../../edge/admin/index.ts');
  const options = { deadlineMs: DEADLINE_MS, tls: tlsOf(flags) };
  if (live === 'Documents') {
    const client = connectPolicies(admin, options);
    try {
      const answer = await client.list();
      return answer.ok ? answer.value.documents.map(({ kind, name }) => `${kind.toLowerCase()}/${name}`) : [];
    } finally {
      client.close();
    }
  }
  const client = connectObserve(admin, options);
  try {
    const withoutEndpoints = question.current.split('/').length < TARGET_PARTS;
    return namesIn(await client.status({ withoutEndpoints }), question);
  } finally {
    client.close();
  }
}

/** Reads the flags of a line into its command, as if it were to run. */
export function readFlags(command: Command, words: readonly string[]): void {
  command.parseOptions([...words]);
  for (const option of command.options) {
    const value = option.envVar === undefined ? undefined : process.env[option.envVar];
    const name = option.attributeName();
    if (value !== undefined && command.getOptionValueSource(name) !== 'cli')
      command.setOptionValueWithSource(name, value, 'env');
  }
  useProfile(command);
}

/** Of a status; a target is completed part by part, as a path is. */
export function namesIn(
  { services, nodes, operations }: ServerView,
  question: Omit<LiveQuestion, 'command'>,
): readonly string[] {
  const { live, operands, current } = question;
  switch (live) {
    case 'Services':
      return services.map(({ name }) => name);
    case 'Pools':
      return services.find(({ name }) => name === operands[0])?.pools.map(({ name }) => name) ?? [];
    case 'Nodes':
      return nodes.map(({ id }) => id);
    case 'Groups':
      return nodes.map(({ group }) => group);
    case 'Operations':
      return operations.map(({ id }) => id);
    case 'Targets':
    case 'Endpoints': {
      const depth = current.split('/').length;
      const heads = services.flatMap(({ name, pools }) => {
        if (depth === 1) return [name];
        if (depth === 2) return pools.map((pool) => `${name}/${pool.name}`);
        return pools.flatMap((pool) => pool.endpoints.map(({ id }) => id));
      });
      return live === 'Endpoints' && depth < TARGET_PARTS ? heads.map((head) => `${head}/`) : heads;
    }
    default:
      return [];
  }
}
