import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Peer } from '../../../../src/core/access/index.ts';
import type { Verdict, VerdictCheck } from '../../../../src/core/dry-run/index.ts';
import { loadAccessPolicy, type Policy } from '../../../../src/core/policy/index.ts';
import { AccessControl } from '../../../../src/edge/access/index.ts';
import type { AccessSeam, DryRunSeam, PolicyAnswer } from '../../../../src/edge/admin/index.ts';
import { HttpPageFetcher } from '../../../../src/edge/signals/index.ts';
import { A_REPORT } from '../../../core/dry-run/a-report.ts';
import { group, service, startWorld, type World } from './desk-world.ts';

/** `npm run test:long` tries 10,000. */
const PAIRS = process.env.LOADLINE_TEST_LONG === undefined ? 500 : 10_000;

const ending: (() => unknown)[] = [];
let caller = '';

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const ROLES = ['Agent', 'Viewer', 'Operator', 'Editor', 'Admin'] as const;
const SCOPES = { '*': ['*'], chat: ['chat'], embed: ['embed'], none: ['elsewhere'] } as const;
const READS: readonly string[] = ['Viewer', 'Operator', 'Editor', 'Admin'];
const EDITS: readonly string[] = ['Editor', 'Admin'];

const BINDINGS = ROLES.flatMap((role) =>
  Object.entries(SCOPES).map(([scope, services]) => {
    const id = `spiffe://m/${role}/${scope === '*' ? 'all' : scope}`;
    return `    - { role: ${role}, services: ${JSON.stringify(services)}, identities: ["${id}"] }`;
  }),
);
const ACCESS = `apiVersion: loadline.dev/v1alpha1\nkind: AccessPolicy\nmetadata: { name: main }\nspec:\n  bindings:\n${BINDINGS.join('\n')}\n`;

/** Words that stand in one document alone, so that an answer that holds one of them has told of it. */
const SECRET = { chat: 'chat-secret', embed: 'embed-secret', lab: 'lab-secret' } as const;
const TEXTS = {
  chat: service('chat', `  # ${SECRET.chat}\n`),
  embed: service('embed', `  # ${SECRET.embed}\n`),
  lab: `# ${SECRET.lab}\n${group('lab', ['chat', 'embed'])}`,
} as const;
type Name = keyof typeof TEXTS;
const NAMES = Object.keys(TEXTS) as Name[];
const keyOf = (name: Name) => ({ kind: name === 'lab' ? 'SidecarGroup' : 'ModelService', name });

/** A report that speaks of everything, as it does for who may view everything. */
const everything = Object.values(SECRET).join(' ');
let verdict: Verdict = { ...A_REPORT.verdict, publishable: true };
const DRY_RUN: DryRunSeam = {
  verdict: async () => verdict,
  report: async () => ({ ...A_REPORT, verdict: { ...A_REPORT.verdict, reason: everything } }),
};

async function start(): Promise<World> {
  const read = loadAccessPolicy({ name: 'access.yaml', text: ACCESS });
  if (!read.ok) throw new Error(read.issues[0]?.message);
  const fetcher = new HttpPageFetcher();
  ending.push(() => fetcher.close());
  const control = new AccessControl({ fetcher, clock: () => performance.now(), keys: () => {} });
  control.use(read.value);
  let policy: Pick<Policy, 'services'> | undefined;
  const access: AccessSeam = {
    recognise: (transport, authorization) => control.recognise(transport, authorization),
    may: (peer, action, resource) => control.may(peer, action, resource),
    services: () => [...(policy?.services.map(({ name }) => name) ?? []), ...control.namedServices()],
    servicesOfGroup: () => [],
    groupOfNode: () => undefined,
    refused: () => {},
  };
  const peerOf = (): Peer => ({ kind: 'Certificate', spiffeId: caller });
  const world = await startWorld(ending, { access, peerOf, seam: { dryRun: DRY_RUN } });
  const changes = NAMES.map((name) => ({
    operation: 'Put' as const,
    ...keyOf(name),
    content: TEXTS[name],
    file: `${name}-file.yaml`,
  }));
  await world.store.write({ action: 'Apply', author: 'root', reason: '', changes });
  return world;
}

const may = (roles: readonly string[], role: string, scope: string, name: Name): boolean =>
  roles.includes(role) && (scope === '*' || (scope !== 'none' && scope === name && name !== 'lab'));

/** What a caller is told: the answer, or the error with all its details. */
async function told(answer: Promise<PolicyAnswer<unknown>>): Promise<{ ok: boolean; code: string; text: string }> {
  try {
    const got = await answer;
    return { ok: got.ok, code: got.ok ? 'OK' : got.code, text: JSON.stringify(got) };
  } catch (error) {
    const { message, cause } = error as Error & { cause: { code: number; details: string } };
    return { ok: false, code: cause.code === 7 ? 'PERMISSION_DENIED' : `${cause.code}`, text: message };
  }
}

const mentions = (text: string, name: Name): boolean =>
  text.includes(SECRET[name]) || text.includes(`${name}-file.yaml`) || new RegExp(`"name":"${name}"`).test(text);

const pair = fc.record({
  role: fc.constantFrom(...ROLES),
  scope: fc.constantFrom(...(Object.keys(SCOPES) as (keyof typeof SCOPES)[])),
  name: fc.constantFrom(...NAMES),
  method: fc.constantFrom(
    'Get',
    'GetAll',
    'List',
    'History',
    'HistoryAll',
    'Validate',
    'Diff',
    'Apply',
    'Delete',
    'Rollback',
  ),
});

describe('roles and policies', () => {
  it('tell nobody of a document that he may not view, and let nobody change one that he may not edit', async () => {
    const { client, store } = await start();
    const counts = { denied: 0, done: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(pair, async ({ role, scope, name, method }) => {
        caller = `spiffe://m/${role}/${scope === '*' ? 'all' : scope}`;
        const key = keyOf(name);
        const file = [{ name: 'mine.yaml', text: TEXTS[name].replaceAll(SECRET[name], 'mine') }];
        const terms = { reason: 'test', dryRun: true };
        const calls: Readonly<Record<string, () => Promise<PolicyAnswer<unknown>>>> = {
          Get: () => client.get({ keys: [key] }),
          GetAll: () => client.get(),
          List: () => client.list(),
          History: () => client.history({ key, texts: true }),
          HistoryAll: () => client.history({ texts: true }),
          Validate: () => client.validate(file),
          Diff: () => client.diff(file),
          Apply: () => client.apply(file, terms),
          Delete: () => client.delete([key], terms),
          Rollback: () => client.rollback(key, 1, terms),
        };
        const { ok, code, text } = await told(calls[method]!());
        for (const other of NAMES) {
          if (may(READS, role, scope, other)) continue;
          // He has named it himself.
          const own =
            other === name && !['GetAll', 'List', 'HistoryAll'].includes(method) && code === 'PERMISSION_DENIED';
          if (!own) expect(mentions(text, other), `${caller} ${method} ${name}: ${text}`).toBe(false);
          expect(text).not.toContain(SECRET[other]);
        }
        const whole = ['GetAll', 'List', 'HistoryAll'].includes(method);
        const needed = ['Apply', 'Delete', 'Rollback'].includes(method) ? EDITS : READS;
        const allowed = whole ? READS.includes(role) : may(needed, role, scope, name);
        expect(code === 'PERMISSION_DENIED', `${caller} ${method} ${name}: ${text}`).toBe(!allowed);
        if (code === 'PERMISSION_DENIED') counts.denied += 1;
        else if (ok) counts.done += 1;
        else counts.refused += 1;
      }),
      { numRuns: PAIRS },
    );
    expect(Math.min(counts.denied, counts.done)).toBeGreaterThan(50);
    expect((await store.status()).revision).toBe(1);
    process.stdout.write(`policies: ${JSON.stringify(counts)} of ${PAIRS} pairs, no leak\n`);
  }, 300_000);

  it('write down the caller, whatever he says', async () => {
    const { client, store } = await start();
    caller = 'spiffe://m/Editor/chat';
    expect(await client.apply([{ name: 'chat.yaml', text: TEXTS.chat.replace('8000', '8001') }])).toMatchObject({
      ok: true,
    });
    expect(await store.get(keyOf('chat'))).toMatchObject({ author: 'spiffe://m/Editor/chat', revision: 2 });
  });

  it('let the editor of a service that there is not yet create it', async () => {
    const { client, store } = await start();
    caller = 'spiffe://m/Editor/none';
    expect(await client.apply([{ name: 'new.yaml', text: service('elsewhere') }])).toMatchObject({ ok: true });
    expect(await store.get({ kind: 'ModelService', name: 'elsewhere' })).toBeDefined();
  });

  it('say that a change does not fit with something else, and not with what', async () => {
    const { client } = await start();
    caller = 'spiffe://m/Editor/chat';
    const clash = [{ name: 'chat.yaml', text: TEXTS.chat.replace('chat.example', 'embed.example') }];
    const answer = await client.apply(clash);
    expect(answer).toMatchObject({ ok: false, code: 'INVALID_ARGUMENT', issues: [{ code: 'POLICY_ELSEWHERE' }] });
    expect(JSON.stringify(answer)).not.toMatch(/embed|lab/);
  });

  it('keep the words of an Envoy from who may not view all that they are about, but not the place in his own file', async () => {
    const { client } = await start();
    const problem = { message: everything, resource: { type: 'rds', name: 'embed' } };
    const [check] = A_REPORT.verdict.checks;
    const at = (file: string) => ({ ...problem, position: { file, line: 3, column: 1 } });
    const problems = [problem, at('embed-file.yaml'), at('chat.yaml')];
    verdict = { ...A_REPORT.verdict, checks: [{ ...(check as VerdictCheck), outcome: 'Refused', problems }] };
    try {
      caller = 'spiffe://m/Editor/chat';
      const answer = await client.apply([{ name: 'chat.yaml', text: TEXTS.chat.replace('8000', '8001') }]);
      expect(answer).toMatchObject({
        ok: false,
        issues: [
          { code: 'POLICY_ENVOY_REFUSED', position: { file: 'chat.yaml', line: 3 } },
          { code: 'POLICY_ELSEWHERE' },
        ],
      });
      for (const name of ['embed', 'lab'] as const) expect(mentions(JSON.stringify(answer), name)).toBe(false);
      const own = [{ name: 'chat.yaml', text: TEXTS.chat.replace('8000', '8001') }];
      const validated = await client.validate(own, { envoy: true });
      expect(validated).toMatchObject({
        ok: false,
        issues: [{ code: 'POLICY_ENVOY_REFUSED' }, { code: 'POLICY_ELSEWHERE' }],
      });
      for (const name of ['embed', 'lab'] as const) expect(mentions(JSON.stringify(validated), name)).toBe(false);
      verdict = { ...verdict, publishable: true };
      expect(await client.validate(own, { envoy: true })).toMatchObject({ ok: true, value: { warnings: [] } });
      expect(JSON.stringify(await client.validate(own, { envoy: true }))).not.toContain('verdict');
      verdict = { ...verdict, publishable: false };
      caller = 'spiffe://m/Editor/all';
      const whole = await client.apply([{ name: 'chat.yaml', text: TEXTS.chat.replace('8000', '8001') }]);
      expect(JSON.stringify(whole)).toContain(SECRET.embed);
    } finally {
      verdict = { ...A_REPORT.verdict, publishable: true };
    }
  });

  it('keep a watch to the documents of its reader', async () => {
    const { client, store } = await start();
    caller = 'spiffe://m/Viewer/chat';
    const seen: string[] = [];
    const stop = new AbortController();
    const ended = client.watch(
      { after: 1 },
      ({ revision, versions }) => {
        seen.push(...versions.map(({ name }) => `${revision} ${name}`));
        if (seen.length === 2) stop.abort();
      },
      stop.signal,
    );
    const put = (name: Name, more: string) => ({
      operation: 'Put' as const,
      ...keyOf(name),
      content: TEXTS[name] + more,
    });
    const write = (...changes: ReturnType<typeof put>[]) =>
      store.write({ action: 'Apply', author: 'root', reason: '', changes });
    await write(put('embed', '\n'));
    await write(put('chat', '\n'), put('lab', '\n'));
    await write(put('chat', '\n\n'));
    await ended;
    expect(seen).toEqual(['3 chat', '4 chat']);
  });
});
