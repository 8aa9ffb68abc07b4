import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PolicyLoads } from '../../src/app/policy-loads.ts';
import { PolicyThreads } from '../../src/app/policy-threads.ts';
import { documentTexts, loadPolicy, type PolicyVersion } from '../../src/core/policy/index.ts';
import { labPolicy } from '../support/lab-policy.ts';

const LAB = labPolicy([{ port: 8001 }]);
/** Beyond what is read in the thread of the server. */
const large = (text: string): string => `${text}# ${'x'.repeat(40_000)}\n`;
const policyFile = (text: string) => [{ name: 'lab.yaml', text }];
/** A script in the place of the thread that reads. */
const thread = (script: string): URL =>
  new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads'; ${script}`)}`);

/** One line: what differs in 40,000 characters is not to be printed in full. */
const words = (value: unknown): string => JSON.stringify(value).replace(/x{1000,}/g, 'x…');

/** A thread that is never to be asked. */
const NONE = { do: () => expect.fail('another thread was asked') };

describe('a large policy', () => {
  it('is read in another thread to the same policy, and its mistakes to the same issues', async () => {
    const loads = new PolicyLoads();
    const good = large(LAB);
    expect(words(await loads.loadInTurns(policyFile(good)))).toBe(words(loadPolicy(policyFile(good))));
    const bad = large(LAB.replace('8001', '99999'));
    const refused = await loads.loadInTurns(policyFile(bad));
    expect(words(refused)).toBe(words(loadPolicy(policyFile(bad))));
    expect(refused.ok).toBe(false);
    // Who asks why is told without reading it again, in whatever thread.
    expect(loads.load(policyFile(bad))).toBe(refused);
  });

  it('is taken apart to the same documents, and compared to the same changes', async () => {
    const loads = new PolicyLoads();
    const [file] = policyFile(large(LAB));
    const { documents, issues } = await loads.documentsOf(file!);
    const parts = [...documentTexts(file!).documents].map(({ part, key }) => ({ part, key }));
    expect(words([...documents])).toBe(words(parts));
    expect(issues).toEqual([]);
    const tooLarge = { name: 'lab.yaml', text: 'x'.repeat(1_100_000) };
    expect(await loads.documentsOf(tooLarge)).toEqual({ documents: [], issues: documentTexts(tooLarge).issues });
    const [before, after] = [LAB, LAB.replace('8001', '8002')].map((text) => version(large(text)));
    const small = [LAB, LAB.replace('8001', '8002')].map(version);
    const changes = await loads.diff(before, after!);
    expect(changes.length).toBeGreaterThan(0);
    expect(changes).toEqual(await new PolicyLoads(NONE).diff(small[0], small[1]!));
  });

  it('is one of all files together; what is small asks no thread', async () => {
    const loads = new PolicyLoads(NONE);
    expect((await loads.loadInTurns(policyFile(LAB))).ok).toBe(true);
    const asked: string[] = [];
    const asking = new PolicyLoads({
      do: async ({ kind }) => {
        asked.push(kind);
        return { ok: false, issues: [{ code: 'POLICY_LIMIT', path: '', message: 'no' }] };
      },
    });
    const comments = Array.from({ length: 40 }, (_, at) => ({ name: `${at}.yaml`, text: `# ${'x'.repeat(1000)}\n` }));
    expect(await asking.loadInTurns([...policyFile(LAB), ...comments])).toMatchObject({ ok: false });
    expect(asked).toEqual(['Load']);
    await expect(asking.diff(undefined, version(large(LAB)))).rejects.toMatchObject({ code: 'LOADLINE_ADMIN' });
  });
});

describe('the threads that read', () => {
  const WORK = { kind: 'Load', files: [] } as const;

  it('are ended when they take too long, and the next piece of work is done', async () => {
    const threads = new PolicyThreads({ timeMs: 300 }, thread('for (;;);'));
    const answers = await Promise.all([threads.do(WORK), threads.do(WORK)]);
    for (const answer of answers)
      expect(answer).toMatchObject({
        ok: false,
        issues: [{ code: 'POLICY_LIMIT', message: 'expected a policy that is read within 0.3 s' }],
      });
  });

  it('are ended when they take too much memory, and the server goes on', async () => {
    const script = 'const all = []; for (;;) all.push(new Array(1000).fill(Math.random()));';
    const answer = await new PolicyThreads({ memoryMiB: 32 }, thread(script)).do(WORK);
    expect(answer).toMatchObject({
      ok: false,
      issues: [{ code: 'POLICY_LIMIT', message: 'expected a policy that is read within 32 MiB of memory' }],
    });
  });

  it('say what happened when they break, and when they are not there', async () => {
    const said = async (entry: URL) => {
      const answer = await new PolicyThreads({}, entry).do(WORK);
      return answer.ok ? expect.fail('it was read') : answer.issues[0];
    };
    expect(await said(thread('throw new Error("out of luck");'))).toMatchObject({
      code: 'POLICY_UNREADABLE',
      message: 'it cannot be read: out of luck',
    });
    expect(await said(thread('process.exit(3);'))).toMatchObject({ message: 'its thread ended with 3' });
    expect(await said(pathToFileURL('/nowhere.js'))).toMatchObject({ code: 'POLICY_UNREADABLE' });
  });

  it('work one after the other, and no more wait than may', async () => {
    const threads = new PolicyThreads({ waiting: 2 }, thread('parentPort.postMessage({ ok: true, value: 1 });'));
    const answers = await Promise.all([1, 2, 3].map(() => threads.do(WORK)));
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, false]);
    expect(answers[2]).toMatchObject({ issues: [{ hint: 'try again in a moment' }] });
    expect((await threads.do(WORK)).ok).toBe(true);
  });
});

function version(text: string): PolicyVersion {
  const files = policyFile(text);
  const loaded = loadPolicy(files);
  return loaded.ok ? { policy: loaded.value, files } : expect.fail('the policy of this test is bad');
}
