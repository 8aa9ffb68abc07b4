import { expect, it } from 'vitest';
import { documentTexts } from '../../../../src/core/policy/index.ts';
import { keysOf, readRequest } from '../../../../src/edge/admin/policies/read-request.ts';
import { service } from './desk-world.ts';

it('reads the documents of a request one by one, and lets the control loop decide between them', async () => {
  const names = Array.from({ length: 20 }, (_, at) => `s${at}`);
  let turns = 0;
  const read = await readRequest(
    [{ name: 'big.yaml', text: names.map((name) => service(name)).join('---\n') }],
    documentTexts,
    async () => {
      turns += 1;
    },
  );
  if (!read.ok) return expect.fail(read.refusal.message);
  expect(keysOf(read.value).map(({ name }) => name)).toEqual(names);
  expect(turns).toBe(20);
});
