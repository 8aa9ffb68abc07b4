import { expect, it } from 'vitest';
import { PolicyThreads } from '../../src/app/policy-threads.ts';

it('a thread that cannot be started is an issue, and the next piece of work is done', async () => {
  const threads = new PolicyThreads();
  // The constructor throws, as it does with ERR_WORKER_INIT_FAILED where the system gives no more threads (EAGAIN).
  const work = { kind: 'Load', files: [], impossible: () => undefined } as unknown as { kind: 'Load'; files: [] };
  expect(await threads.do(work)).toMatchObject({ ok: false });
  expect(await threads.do({ kind: 'Load', files: [] })).toBeDefined();
});
