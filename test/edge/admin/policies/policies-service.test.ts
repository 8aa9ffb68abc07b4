import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { DryRunSeam, PolicyAnswer, PolicyRefusal } from '../../../../src/edge/admin/index.ts';
import { A_REPORT } from '../../../core/dry-run/a-report.ts';
import { group, service, startWorld } from './desk-world.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const file = (text: string, name = 'lab.yaml') => ({ name, text });
const LAB = `# the lab\n${service('chat')}---\n# who takes it\n${group('lab', ['chat'])}`;
const CHAT = { kind: 'ModelService', name: 'chat' };
const LAB_GROUP = { kind: 'SidecarGroup', name: 'lab' };

function value<T>(answer: PolicyAnswer<T>): T {
  if (!answer.ok) return expect.fail(`${answer.code}: ${answer.message}`);
  return answer.value;
}

function refused(answer: PolicyAnswer<unknown>): PolicyRefusal {
  return answer.ok ? expect.fail('it was done') : answer;
}

const places = ({ issues }: PolicyRefusal): readonly string[] =>
  issues.map(({ position: at, path, message }) => `${at?.file}:${at?.line}:${at?.column} ${path}: ${message}`);

describe('applying', () => {
  it('stores each document under kind and name, with its text to the letter', async () => {
    const { client, store } = await startWorld(ending);
    expect(value(await client.apply([file(LAB)], { reason: 'first' }))).toEqual({
      revision: 1,
      changes: [
        { ...CHAT, outcome: 'Created' },
        { ...LAB_GROUP, outcome: 'Created' },
      ],
      replayed: false,
      dryRun: false,
      warnings: [],
    });
    const { documents } = value(await client.get());
    expect(documents.map(({ text, file: from, line }) => [text, from, line])).toEqual([
      [`# the lab\n${service('chat')}`, 'lab.yaml', 1],
      [`# who takes it\n${group('lab', ['chat'])}`, 'lab.yaml', LAB.split('---\n')[0]!.split('\n').length + 1],
    ]);
    expect(documents[0]).toMatchObject({ author: 'development on loopback', reason: 'first', revision: 1, created: 1 });
    expect((await store.audit({}))[0]).toMatchObject({ action: 'Apply', author: 'development on loopback' });
  });

  it('says created, configured and unchanged, and leaves other documents alone', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(LAB)]);
    const next = service('chat', '  timeouts: { request: 5m }\n');
    const { changes, revision } = value(
      await client.apply([file(next, 'chat.yaml'), file(service('embed'), 'embed.yaml')]),
    );
    expect(changes.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['chat Configured', 'embed Created']);
    expect(revision).toBe(2);
    expect(value(await client.apply([file(next, 'chat.yaml')]))).toMatchObject({
      revision: 2,
      changes: [{ ...CHAT, outcome: 'Unchanged' }],
    });
    expect(value(await client.list()).documents.map(({ name, revision: at, text }) => [name, at, text])).toEqual([
      ['chat', 2, ''],
      ['embed', 2, ''],
      ['lab', 1, ''],
    ]);
  });

  it('is refused with every mistake at its place in the file, and nothing is done', async () => {
    const { client, store } = await startWorld(ending);
    const bad = `${service('chat')}---\n${group('lab', ['caht'])}---\n${service('embed', '  timeuots: {}\n')}`;
    const refusal = refused(await client.apply([file(bad)]));
    expect(refusal.code).toBe('INVALID_ARGUMENT');
    expect(refusal.message).toMatch(/^the policy is refused for 2 reasons: lab\.yaml:17:\d+ spec\.modelServices\[0\]/);
    expect(places(refusal)).toEqual([
      expect.stringMatching(
        /^lab\.yaml:17:\d+ spec\.modelServices\[0\]: expected the name of a ModelService, got caht/,
      ),
      expect.stringMatching(/^lab\.yaml:24:3 spec\.timeuots: unknown key/),
    ]);
    expect(refusal.issues[1]?.hint).toBe('did you mean timeouts?');
    expect((await store.status()).revision).toBe(0);
  });

  it('is refused when it breaks a document that it does not hold, and says where that is', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(LAB)]);
    const refusal = refused(await client.delete([CHAT], { reason: 'gone' }));
    expect(places(refusal)).toEqual([
      expect.stringMatching(
        /^lab\.yaml:19:\d+ spec\.modelServices\[0\]: expected the name of a ModelService, got chat/,
      ),
    ]);
    const group2 = group('other', ['chat']).replace('other', 'lab');
    const moved = refused(await client.apply([file(`# a new file\n${group2.replace('chat', 'nobody')}`)]));
    expect(places(moved)).toEqual([expect.stringMatching(/^lab\.yaml:7:\d+ /)]);
    const clash = service('embed').replace('embed.example', 'chat.example');
    const both = `${clash}---\n${group('lab', ['chat', 'embed'])}`;
    expect(places(refused(await client.apply([file(both)])))).toEqual([
      expect.stringMatching(/^lab\.yaml:17:\d+ spec\.modelServices\[1\]: expected services that match different/),
    ]);
  });

  it('tells a stored document from one of the request whose file has the same name', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(LAB)]);
    const renamed = service('chat').replace('hostnames: ["chat.example"]', 'hostnames: []');
    const wrong = refused(await client.apply([file(renamed)]));
    expect(places(wrong)).toEqual([expect.stringMatching(/^lab\.yaml:5:\d+ spec\.hostnames/)]);
    await client.apply([file(`${service('embed')}---\n${group('two', ['embed', 'chat'])}`, 'two.yaml')]);
    const clash = service('embed').replace('embed.example', 'chat.example');
    expect(places(refused(await client.apply([file(clash, 'two.yaml')])))).toEqual([
      expect.stringMatching(/^two\.yaml \(SidecarGroup\/two in the store\):17:/),
    ]);
  });

  it('does nothing in a dry run, but says what would become of it, and what is wrong', async () => {
    const { client, store } = await startWorld(ending);
    expect(value(await client.apply([file(LAB)], { dryRun: true }))).toMatchObject({
      revision: 0,
      dryRun: true,
      changes: [{ outcome: 'Created' }, { outcome: 'Created' }],
    });
    expect((await store.status()).revision).toBe(0);
    expect(refused(await client.apply([file(group('lab', ['chat']))], { dryRun: true })).code).toBe('INVALID_ARGUMENT');
  });

  it('takes no access policy: that is a file of its own', async () => {
    const { client } = await startWorld(ending);
    const text =
      'apiVersion: loadline.dev/v1alpha1\nkind: AccessPolicy\nmetadata: { name: main }\nspec: { bindings: [] }\n';
    const refusal = refused(await client.apply([file(text)]));
    expect(refusal.issues[0]?.hint).toBe('it is a file of its own, for loadline serve --access');
  });

  it.each([
    ['no file', [], 'the request holds no file'],
    ['a file without a name', [file('a: 1', '')], 'a file needs a name of 1 to 1024 printable characters'],
    ['a name that would move the cursor', [file('a: 1', '\x1b[2J')], 'a file needs a name'],
    ['two files of one name', [file('a: 1'), file('b: 2')], 'two files have the name lab.yaml'],
    ['nothing but comments', [file('# nothing\n---\n')], 'missing; expected at least one document'],
    ['a document twice', [file(LAB), file(service('chat'), 'again.yaml')], 'expected one ModelService of this name'],
  ])('%s is refused in words', async (_, files, words) => {
    const { client } = await startWorld(ending);
    const refusal = refused(await client.apply(files));
    expect(refusal.code).toBe('INVALID_ARGUMENT');
    expect(refusal.message).toContain(words);
  });

  it('gives back the text of every document, whatever stands around it', async () => {
    const { client } = await startWorld(ending);
    const around = fc.record({
      head: fc.constantFrom('', '# head\n', '# head\n---\n', '---\n', '\uFEFF', '%YAML 1.2\n---\n'),
      between: fc.constantFrom('---\n', '--- # more\n', '...\n---\n', '---\n# why: [\n---\n'),
      note: fc.constantFrom(
        '',
        '  # Größe 😀: "\'\n',
        '\n\n',
        '  timeouts: &t { request: 5m }\n',
        '  signals: {}   \n',
      ),
      tail: fc.constantFrom('', '# tail', '---\n# tail\n', '...\n'),
      crlf: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(around, async ({ head, between, note, tail, crlf }) => {
        const ends = (text: string) => (crlf ? text.replaceAll('\n', '\r\n') : text);
        const text = ends(`${head}${service('chat', note)}${between}${group('lab', ['chat'])}${tail}`);
        value(await client.apply([file(text)]));
        const { documents } = value(await client.get());
        for (const document of documents) {
          expect(text).toContain(document.text);
          expect(
            text
              .split(/(?<=\n)/)
              .slice(document.line - 1)
              .join('')
              .startsWith(document.text),
          ).toBe(true);
          // As it came, it is applied again without a change.
          const again = await client.apply([file(document.text, 'again.yaml')]);
          expect(value(again).changes.map(({ outcome }) => outcome)).toEqual(['Unchanged']);
        }
        expect(documents[0]!.text).toContain(ends(note));
      }),
      { numRuns: 60 },
    );
  });
});

describe('a conditional change', () => {
  it('is made at the revision that its author has seen, or not at all', async () => {
    const { client } = await startWorld(ending);
    const mine = service('chat', '  timeouts: { request: 5m }\n');
    await client.apply([file(LAB)]);
    await client.apply([file(service('chat', '  timeouts: { request: 9m }\n'))]);
    const late = refused(await client.apply([file(mine)], { ifMatch: [{ document: CHAT, revision: 1 }] }));
    expect(late).toMatchObject({
      code: 'ABORTED',
      message: 'ModelService/chat is at revision 2, and not at 1',
      conflict: { revision: 2, documents: [{ ...CHAT, expected: 1, actual: 2, current: { revision: 2 } }] },
    });
    expect(late.conflict?.documents[0]?.current?.text).toContain('9m');
    const ifMatch = [{ document: CHAT, revision: 2 }];
    expect(value(await client.apply([file(mine)], { ifMatch })).revision).toBe(3);
  });

  it('of the whole store is refused after any other change, also in a dry run', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(LAB)]);
    for (const dryRun of [true, false]) {
      expect(refused(await client.apply([file(service('embed'), 'e')], { ifStoreRevision: 0, dryRun }))).toMatchObject({
        code: 'ABORTED',
        message: 'the store is at revision 1: others have changed it meanwhile',
        conflict: { revision: 1, documents: [] },
      });
    }
    expect(value(await client.apply([file(service('embed'), 'e')], { ifStoreRevision: 1 })).revision).toBe(2);
  });

  it('with revision 0 creates, and does not replace', async () => {
    const { client } = await startWorld(ending);
    const ifMatch = [{ document: CHAT, revision: 0 }];
    expect(value(await client.apply([file(service('chat'))], { ifMatch })).revision).toBe(1);
    expect(refused(await client.apply([file(service('chat', '\n'))], { ifMatch })).code).toBe('ABORTED');
  });

  it('on a document that it does not change is a mistake', async () => {
    const { client } = await startWorld(ending);
    const refusal = refused(
      await client.apply([file(service('chat'))], { ifMatch: [{ document: LAB_GROUP, revision: 1 }] }),
    );
    expect(refusal.message).toBe('if_match names SidecarGroup/lab, which the request does not change');
  });

  it('wins once of many that race, and each that was acknowledged is there', async () => {
    const { client, store } = await startWorld(ending);
    await client.apply([file(service('chat'))]);
    let acknowledged = 0;
    for (let round = 0; round < 10; round += 1) {
      const revision = (await store.status()).revision;
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, at) =>
          client.apply([file(service('chat', `  # ${round} ${at}\n`))], { ifMatch: [{ document: CHAT, revision }] }),
        ),
      );
      const won = answers.flatMap((answer, at) => (answer.ok ? [at] : []));
      expect(won).toHaveLength(1);
      for (const answer of answers) if (!answer.ok) expect(answer.code).toBe('ABORTED');
      acknowledged += won.length;
      expect((await store.get(CHAT))?.content).toContain(`# ${round} ${won[0]}\n`);
    }
    expect((await store.status()).revision).toBe(1 + acknowledged);
  });

  it('is checked together with what others wrote meanwhile: two that are right alone never break the policy', async () => {
    const { client, store } = await startWorld(ending);
    for (let round = 0; round < 10; round += 1) {
      await client.apply([file(`${service('chat')}---\n${service('embed')}---\n${group('lab', ['chat'])}`)]);
      const [removal, use] = await Promise.all([
        client.delete([{ kind: 'ModelService', name: 'embed' }], { reason: 'unused' }),
        client.apply([file(group('lab', ['chat', 'embed']))]),
      ]);
      expect([removal.ok, use.ok].filter((ok) => ok)).toHaveLength(1);
      const { documents } = await store.list();
      const names = documents.map(({ name }) => name);
      expect(names.includes('embed')).toBe(use.ok);
    }
  });
});

describe('an idempotency key', () => {
  it('gives the first answer again, although others have changed it since', async () => {
    const { client } = await startWorld(ending);
    const terms = { idempotencyKey: 'deploy-1', ifMatch: [{ document: CHAT, revision: 0 }] };
    const first = value(await client.apply([file(LAB)], terms));
    await client.apply([file(service('chat', '  # mine\n'))]);
    expect(value(await client.apply([file(LAB)], terms))).toEqual({ ...first, replayed: true });
    expect(refused(await client.apply([file(service('chat'))], terms))).toMatchObject({
      code: 'FAILED_PRECONDITION',
      message: 'the idempotency key was used for another request, at revision 1; choose a new one',
    });
    expect(refused(await client.apply([file(LAB)], { idempotencyKey: 'no spaces' })).code).toBe('INVALID_ARGUMENT');
  });

  it('belongs to a rollback too, whose changes are others each time', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(service('chat'))]);
    await client.apply([file(service('chat', '  # two\n'))]);
    const back = { reason: 'undo', idempotencyKey: 'undo-1' };
    expect(value(await client.rollback(CHAT, 1, back))).toMatchObject({ revision: 3, replayed: false });
    expect(value(await client.rollback(CHAT, 1, back))).toMatchObject({
      revision: 3,
      replayed: true,
      changes: [{ ...CHAT, outcome: 'Configured' }],
    });
  });
});

describe('going back', () => {
  it('to an earlier revision makes a new one, of one document or of all', async () => {
    const { client, store } = await startWorld(ending);
    await client.apply([file(LAB)]);
    await client.apply([file(`${service('embed')}---\n${group('lab', ['chat', 'embed'])}`)]);
    await client.apply([file(service('chat', '  # three\n'))]);
    expect(value(await client.rollback(CHAT, 1, { reason: 'as before' }))).toMatchObject({
      revision: 4,
      changes: [{ ...CHAT, outcome: 'Configured' }],
    });
    expect(value(await client.rollback(undefined, 1, { reason: 'all of it', dryRun: true }))).toMatchObject({
      revision: 4,
      changes: [{ outcome: 'Unchanged' }, { outcome: 'Configured' }, { name: 'embed', outcome: 'Deleted' }],
    });
    expect(value(await client.rollback(undefined, 1, { reason: 'all of it' })).revision).toBe(5);
    const listed = await store.listAt(1);
    const texts = (documents: readonly { content: string; line: number }[]) =>
      documents.map((one) => [one.content, one.line]);
    expect(texts((await store.list()).documents)).toEqual(listed.kind === 'Listed' ? texts(listed.list.documents) : []);
    expect((await store.audit({}))[0]).toMatchObject({ action: 'Rollback', reason: 'all of it' });
    const { versions } = value(await client.history({ key: CHAT }));
    expect(versions.map(({ revision, operation }) => `${revision} ${operation}`)).toEqual(['4 Put', '3 Put', '1 Put']);
  });

  it('brings a deleted document back', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(`${service('chat')}---\n${service('embed')}`)]);
    const embed = { kind: 'ModelService', name: 'embed' };
    expect(value(await client.delete([embed], { reason: 'unused' })).changes).toEqual([
      { ...embed, outcome: 'Deleted' },
    ]);
    expect(value(await client.rollback(embed, 1, { reason: 'used' })).changes).toEqual([
      { ...embed, outcome: 'Created' },
    ]);
    expect(value(await client.rollback(embed, 2, { reason: 'not used' })).changes).toEqual([
      { ...embed, outcome: 'Deleted' },
    ]);
  });

  it('needs a reason, a revision that is kept, and a policy that still is one', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(service('chat'))]);
    await client.apply([file(`${service('embed')}---\n${group('lab', ['embed'])}`)]);
    expect(refused(await client.rollback(CHAT, 1, { reason: ' ' })).message).toBe('say why: reason must not be empty');
    expect(refused(await client.rollback(CHAT, 9, { reason: 'x' }))).toMatchObject({
      code: 'OUT_OF_RANGE',
      message: 'revision 9 cannot be gone back to: 0 to 2 are kept',
    });
    expect(refused(await client.rollback({ ...CHAT, name: 'no' }, 1, { reason: 'x' })).code).toBe('NOT_FOUND');
    const embed = { kind: 'ModelService', name: 'embed' };
    expect(refused(await client.rollback(embed, 1, { reason: 'x' })).issues[0]?.code).toBe('POLICY_REFERENCE');
    expect(refused(await client.rollback(undefined, 0, { reason: 'x' })).issues[0]?.code).toBe('POLICY_MISSING');
  });
});

describe('reading', () => {
  it('gives one document, one kind, or an earlier revision', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(LAB)]);
    await client.apply([file(service('chat', '  # two\n'))]);
    expect(value(await client.get({ keys: [CHAT] })).documents[0]?.text).toContain('# two');
    expect(value(await client.get({ keys: [CHAT], atRevision: 1 })).documents[0]?.text).not.toContain('# two');
    expect(value(await client.get({ kind: 'SidecarGroup' })).documents.map(({ name }) => name)).toEqual(['lab']);
    expect(refused(await client.get({ keys: [{ ...CHAT, name: 'no' }] })).message).toBe('there is no ModelService/no');
    expect(refused(await client.get({ kind: 'Pod' })).message).toBe(
      'there is no kind "Pod"; kinds are SidecarGroup, ModelService, TrafficClasses',
    );
    expect(refused(await client.get({ atRevision: 7 })).code).toBe('OUT_OF_RANGE');
  });

  it('of the history goes page by page', async () => {
    const { client } = await startWorld(ending);
    for (let at = 1; at <= 5; at += 1) await client.apply([file(service('chat', `  # ${at}\n`))], { reason: `r${at}` });
    const first = value(await client.history({ limit: 3 }));
    expect(first.versions.map(({ reason, text }) => [reason, text])).toEqual([
      ['r5', ''],
      ['r4', ''],
      ['r3', ''],
    ]);
    const second = value(await client.history({ limit: 3, before: first.nextBefore!, texts: true }));
    expect(second.versions.map(({ reason }) => reason)).toEqual(['r2', 'r1']);
    expect(second.versions[0]?.text).toContain('# 2');
    expect(second.nextBefore).toBeUndefined();
  });

  it('compares texts with what is there', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(LAB)]);
    const diff = value(
      await client.diff([
        file(
          `${service('chat', '  timeouts: { request: 5m }\n')}---\n${service('embed')}---\n${group('lab', ['chat'])}`,
        ),
      ]),
    );
    expect(diff.documents.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'chat Configured',
      'embed Created',
      'lab Configured',
    ]);
    expect(diff.documents[0]?.textDiff).toContain('\n+  timeouts: { request: 5m }\n');
    expect(diff.policyRevisionBefore).not.toBe(diff.policyRevisionAfter);
    const comments = value(await client.diff([file(service('chat', '  # why\n'))]));
    expect(comments.documents[0]?.outcome).toBe('Configured');
    expect(comments.policyRevisionBefore).toBe(comments.policyRevisionAfter);
  });

  it('validates texts with what is there, or alone', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(service('chat'))]);
    expect(value(await client.validate([file(group('lab', ['chat']))])).policyRevision).toMatch(/^[0-9a-f]{16}$/);
    expect(refused(await client.validate([file(group('lab', ['chat']))], { alone: true })).code).toBe(
      'INVALID_ARGUMENT',
    );
  });
});

describe('watching', () => {
  it('gives changes as they come, each transaction whole, from any kept revision', async () => {
    const { client } = await startWorld(ending);
    await client.apply([file(LAB)]);
    const seen: string[] = [];
    const stop = new AbortController();
    const ended = client.watch(
      { after: 0 },
      ({ revision, versions }) => {
        seen.push(`${revision}: ${versions.map(({ name, operation }) => `${name} ${operation}`).join(', ')}`);
        if (seen.length === 3) stop.abort();
      },
      stop.signal,
    );
    await client.apply([file(service('chat', '  # two\n'))]);
    expect(await ended).toEqual({ ok: true, value: undefined });
    expect(seen).toEqual(['0: ', '1: chat Put, lab Put', '2: chat Put']);
    const future = await client.watch({ after: 99 }, () => {}, new AbortController().signal);
    expect(refused(future)).toMatchObject({ code: 'OUT_OF_RANGE', message: 'the store is at revision 2' });
  });

  it('ends with the server', async () => {
    const { client, server } = await startWorld(ending);
    let began: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => {
      began = resolve;
    });
    const ended = client.watch({}, () => began?.(), new AbortController().signal);
    await begun;
    await server.stop();
    expect(await ended).toEqual({ ok: true, value: undefined });
  });
});

describe('files that own the policies', () => {
  it('are read, compared and checked, and changed by nobody but their owner', async () => {
    const read = () => ({ ok: true as const, files: [file(LAB, 'etc/lab.yaml')], hash: '1' });
    const { client } = await startWorld(ending, { seam: { owner: { kind: 'Files', path: 'etc', read } } });
    const { documents, files, revision } = value(await client.get());
    expect({ files, revision }).toEqual({ files: 'etc', revision: 0 });
    expect(documents.map(({ name, file: from, line, writtenAtMs }) => [name, from, line, writtenAtMs])).toEqual([
      ['chat', 'etc/lab.yaml', 1, null],
      ['lab', 'etc/lab.yaml', 13, null],
    ]);
    expect(value(await client.diff([file(service('chat', '  # two\n'))])).documents[0]?.outcome).toBe('Configured');
    const says = 'the server reads its policies from etc (--policies), which is their only writer; change them there';
    const terms = { reason: 'x' };
    for (const answer of [
      await client.apply([file(LAB)]),
      await client.apply([file(LAB)], { dryRun: true }),
      await client.delete([CHAT], terms),
      await client.rollback(undefined, 1, terms),
      await client.history(),
      await client.watch({}, () => {}, new AbortController().signal),
    ]) {
      const { code, message } = refused(answer);
      expect(code).toBe('FAILED_PRECONDITION');
      expect(message).toContain(says);
    }
  });
});

describe('Envoy', () => {
  it('is asked before a write, and its no is told with the line that it is about', async () => {
    const position = { file: 'lab.yaml', line: 5, column: 3 };
    const check = { group: 'lab', release: '1.40', envoy: '1.40.0', outcome: 'Refused' as const, cached: false };
    const problems = [{ message: 'bad regex', resource: { type: 'rds', name: 'models' }, position }];
    const verdict = {
      mode: 'Require' as const,
      outcome: 'Refused' as const,
      publishable: false,
      reason: '',
      checks: [{ ...check, problems }],
    };
    const dryRun = { verdict: async () => verdict, report: () => expect.fail('not asked') };
    const { client, store } = await startWorld(ending, { seam: { dryRun } });
    const refusal = refused(await client.apply([file(LAB)]));
    expect(refusal.code).toBe('FAILED_PRECONDITION');
    expect(places(refusal)).toEqual(['lab.yaml:5:3 : Envoy 1.40.0 refuses rds models: bad regex']);
    expect((await store.status()).revision).toBe(0);
  });

  it('is asked about texts that are validated, where the caller wants that, and nothing is changed', async () => {
    const asked: (readonly string[])[] = [];
    let publishable = true;
    const position = { file: 'lab.yaml', line: 5, column: 3 };
    const [check] = A_REPORT.verdict.checks;
    const dryRun: DryRunSeam = {
      verdict: async ({ files }) => {
        asked.push(files.map(({ name }) => name));
        const problems = [{ message: 'bad regex', resource: { type: 'rds', name: 'models' }, position }];
        return {
          ...A_REPORT.verdict,
          publishable,
          checks: [{ ...check!, outcome: 'Refused', envoy: '1.40.0', problems }],
        };
      },
      report: () => expect.fail('not asked'),
    };
    const { client, store } = await startWorld(ending, { seam: { dryRun } });
    await client.apply([file(service('chat'))]);
    asked.length = 0;
    const policy = [{ name: 'lab.yaml', text: group('lab', ['chat']) }];
    expect(value(await client.validate(policy)).verdict).toBeUndefined();
    expect(asked).toEqual([]);
    const judged = value(await client.validate(policy, { envoy: true }));
    expect(judged.verdict?.checks[0]?.problems[0]?.position).toEqual(position);
    // Together with what the store has.
    expect(asked).toEqual([expect.arrayContaining(['lab.yaml'])]);
    expect(asked[0]).toHaveLength(2);
    publishable = false;
    const refusal = refused(await client.validate(policy, { envoy: true }));
    expect(refusal.code).toBe('FAILED_PRECONDITION');
    expect(places(refusal)).toEqual(['lab.yaml:5:3 : Envoy 1.40.0 refuses rds models: bad regex']);
    expect((await store.status()).revision).toBe(1);
  });

  it('gets its verdict told with everything else that a change would do, to who may view everything', async () => {
    const asked: unknown[] = [];
    const dryRun: DryRunSeam = {
      verdict: async () => ({ ...A_REPORT.verdict, publishable: true }),
      report: async (current, candidate) => {
        asked.push([current?.policy.revision, candidate.policy.revision, candidate.files.length]);
        return A_REPORT;
      },
    };
    const { client } = await startWorld(ending, { seam: { dryRun } });
    const first = value(await client.diff([file(LAB)]));
    expect(first.dryRun).toEqual(A_REPORT);
    expect(asked).toEqual([[undefined, first.policyRevisionAfter, 2]]);
    expect(value(await client.diff([file(LAB)], { textsOnly: true })).dryRun).toBeUndefined();
    expect(asked).toHaveLength(1);
  });
});
