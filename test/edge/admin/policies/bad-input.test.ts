import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { adminService } from '../../../../src/edge/admin/admin-service.ts';
import { group, service, startWorld, type World } from './desk-world.ts';

/** `npm run test:long` tries 10,000. */
const INPUTS = process.env.LOADLINE_TEST_LONG === undefined ? 300 : 10_000;
/** Beyond what the machine may be busy with at the same time; a hang is found, a slow machine is not. */
const MAX_MS = 5000;

const ending: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
});

const POLICY = `# the lab\n${service('chat')}---\n${group('lab', ['chat'])}`;
const EXAMPLE = readFileSync('docs/examples/two-generations.yaml', 'utf8');
const METHODS = ['Validate', 'Diff', 'Apply', 'Get', 'List', 'Delete', 'History', 'Rollback', 'Watch'] as const;
type Method = (typeof METHODS)[number];

/** A method called with bytes, whatever they are: what it is answered, in the word of its status. */
function caller({ server }: World): (method: Method, bytes: Buffer) => Promise<string> {
  const client = new grpc.Client(server.address, grpc.credentials.createInsecure());
  ending.push(() => client.close());
  const definitions = adminService('Policies');
  return (method, bytes) =>
    new Promise((resolve) => {
      const { path, responseStream } = definitions[method]!;
      const deadline = Date.now() + 20_000;
      const same = (buffer: Buffer) => buffer;
      if (responseStream) {
        const call = client.makeServerStreamRequest(path, same, same, bytes, { deadline });
        call.on('data', () => call.cancel());
        call.on('error', (error: grpc.ServiceError) => resolve(grpc.status[error.code]!));
        call.on('end', () => resolve('OK'));
        return;
      }
      client.makeUnaryRequest(path, same, same, bytes, { deadline }, (error) =>
        resolve(error === null ? 'OK' : grpc.status[error.code]!),
      );
    });
}

function encode(method: Method, request: object): Buffer {
  return adminService('Policies')[method]!.requestSerialize(request as never);
}

/** Texts that are nearly policies: pieces of one cut, doubled, swapped, and mixed with what hurts parsers. */
const hostile = fc.constantFrom(
  '\0',
  '\uFEFF',
  '\u2028',
  '\r',
  '\t',
  '---',
  '...',
  '%YAML 9.9',
  '!!binary |',
  '&a [*a]',
  '*a',
  '{'.repeat(2000),
  '['.repeat(50_000),
  '- '.repeat(3000),
  '"\\x00',
  "'",
  '|+9',
  '>-',
  '? ',
  ': ',
  '<<: *x',
  '__proto__: {}',
  '😀'.repeat(200),
  'a'.repeat(100_000),
  '&a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]',
  '1e999',
  '0x'.repeat(999),
  '.inf',
  'name: '.repeat(500),
  '#'.repeat(10_000),
  '\n'.repeat(20_000),
);
const mutated = fc
  .tuple(
    fc.constantFrom(POLICY, EXAMPLE),
    fc.array(
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.2, noNaN: true }), hostile),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
  )
  .map(([text, edits]) =>
    edits.reduce((now, [at, length, insert]) => {
      const from = Math.floor(at * now.length);
      return now.slice(0, from) + insert + now.slice(from + Math.floor(length * now.length));
    }, text),
  );
const anyText = fc.oneof(mutated, hostile, fc.string({ unit: 'binary', maxLength: 200 }), fc.constant(POLICY));
const anyName = fc.oneof(
  fc.constantFrom('a.yaml', '', '../../etc/passwd', 'x'.repeat(5000), 'a\nb'),
  fc.string({ maxLength: 20 }),
);
const anyNumber = fc.constantFrom(0, 1, 7, 2 ** 31, 2 ** 53, -1);
const anyKey = fc.record({
  kind: fc.oneof(fc.constantFrom('ModelService', 'SidecarGroup', 'AccessPolicy', ''), anyName),
  name: fc.oneof(fc.constant('chat'), anyName),
});
const message = fc.record(
  {
    files: fc.array(fc.record({ name: anyName, text: anyText }), { maxLength: 3 }),
    keys: fc.array(anyKey, { maxLength: 3 }),
    key: anyKey,
    kind: anyName,
    reason: fc.oneof(anyName, fc.constant('why')),
    ifMatch: fc.array(fc.record({ document: anyKey, revision: anyNumber }), { maxLength: 2 }),
    ifStoreRevision: anyNumber,
    idempotencyKey: anyName,
    toRevision: anyNumber,
    before: anyNumber,
    after: anyNumber,
    atRevision: anyNumber,
    limit: fc.constantFrom(0, 1, 2 ** 31),
    dryRun: fc.boolean(),
  },
  { requiredKeys: [] },
);
const input: fc.Arbitrary<readonly [Method, Buffer]> = fc
  .constantFrom(...METHODS)
  .chain((method) =>
    fc.oneof(
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => [method, Buffer.from(bytes)] as const) },
      { weight: 4, arbitrary: message.map((request) => [method, encode(method, request)] as const) },
    ),
  );

describe('bad input to the Policies service', () => {
  it(`never ends the server, hangs it or fills its memory, in ${INPUTS} tries`, async () => {
    const world = await startWorld(ending);
    const call = caller(world);
    const said: Record<string, number> = {};
    const before = process.memoryUsage().heapUsed;
    let slowest = 0;
    await fc.assert(
      fc.asyncProperty(input, async ([method, bytes]) => {
        const began = performance.now();
        const code = await call(method, bytes);
        slowest = Math.max(slowest, performance.now() - began);
        said[code] = (said[code] ?? 0) + 1;
        expect(code, `${method}: ${world.log.lines.at(-1)?.[1].err}`).not.toBe('INTERNAL');
        expect(code).not.toBe('DEADLINE_EXCEEDED');
      }),
      { numRuns: INPUTS },
    );
    expect(slowest).toBeLessThan(MAX_MS);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(512 * 1024 * 1024);
    expect(said.INVALID_ARGUMENT).toBeGreaterThan(INPUTS / 10);
    // It still answers, and nothing that is no policy was written.
    expect(await world.client.apply([{ name: 'lab.yaml', text: POLICY }])).toMatchObject({ ok: true });
    process.stdout.write(`policies: ${INPUTS} bad inputs: ${JSON.stringify(said)}, slowest ${slowest.toFixed(0)} ms\n`);
  }, 600_000);

  it('is bounded by its method: 4 MiB of texts, 64 KiB of anything else', async () => {
    const world = await startWorld(ending);
    const call = caller(world);
    const text = (size: number) => `# ${'x'.repeat(size)}\n`;
    const files = (count: number, size: number) =>
      Array.from({ length: count }, (_, at) => ({ name: `f${at}`, text: text(size) }));
    expect(await call('Validate', encode('Validate', { files: files(5, 800_000) }))).toBe('INVALID_ARGUMENT');
    expect(await call('Validate', encode('Validate', { files: files(5, 870_000) }))).toBe('RESOURCE_EXHAUSTED');
    expect(await call('Validate', encode('Validate', { files: files(7, 870_000) }))).toBe('RESOURCE_EXHAUSTED');
    expect(await call('Get', encode('Get', { kind: 'x'.repeat(70_000) }))).toBe('RESOURCE_EXHAUSTED');
    const one = await world.client.validate([{ name: 'big.yaml', text: text(2 * 1024 * 1024) }]);
    expect(one).toMatchObject({ ok: false, issues: [{ code: 'POLICY_LIMIT', position: { file: 'big.yaml' } }] });
  });

  it('that waits is bounded too, and who is refused is told to come again', async () => {
    const { client } = await startWorld(ending);
    const answers = await Promise.all(Array.from({ length: 40 }, () => client.validate([{ name: 'a', text: POLICY }])));
    const codes = answers.map((answer) => (answer.ok ? 'OK' : answer.code));
    expect(codes.filter((code) => code === 'OK').length).toBeGreaterThanOrEqual(16);
    expect(codes.filter((code) => code === 'RESOURCE_EXHAUSTED').length).toBeGreaterThan(0);
    expect(await client.validate([{ name: 'a', text: POLICY }])).toMatchObject({ ok: true });
  });

  it('that is no gRPC does not end the server', async () => {
    const { client, server } = await startWorld(ending);
    const [host = '', port] = server.address.split(':');
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff', '\0'.repeat(500)]) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), host, () => socket.end(Buffer.from(bytes, 'latin1')));
        socket.on('error', () => resolve());
        socket.on('close', () => resolve());
        socket.resume();
      });
    }
    expect(await client.list()).toMatchObject({ ok: true });
  });
});
