// `npm test`: sets the checkout up, then checks, types and tests, and ends with one line `N passed, N failed`.
// `--long` adds the tests that take longer (regenerations, the law's full suite). Other arguments go to vitest, in one run.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const binaries = join(root, 'node_modules');
const long = process.argv.includes('--long');
const rest = process.argv.slice(2).filter((argument) => argument !== '--long');

const CHECKS = [
  ['types (tsc)', [join(binaries, 'typescript/bin/tsc'), '--noEmit']],
  ['lint, format, room borders (biome)', [join(binaries, '@biomejs/biome/bin/biome'), 'check', '.']],
  ['unused code (knip)', [join(binaries, 'knip/bin/knip.js'), '--no-progress']],
];
const LAW = ['the law in virtual time (npm run sim:law)', [join(root, 'scripts/compiled.js'), 'bench/law/main.ts']];
const LIVE_LAW = [
  'the law on real Envoys (npm run e2e:shift)',
  [join(root, 'scripts/compiled.js'), '--envoy', 'bench/shift/main.ts'],
];

let passed = 0;
let failed = 0;

await setup(['--quiet', '--envoy']);

if (rest.length > 0) {
  for (const one of CHECKS) await check(one);
  await tests(rest);
} else {
  // Tests on real Envoys mostly wait, and the others do not mind waiting: they take what those leave of the processor, at a lower
  // priority. What is timed comes when that is over.
  const aside = [];
  const calm = (async () => {
    await run(['--import', 'tsx', join(root, 'scripts/go-tools.ts')], aside);
    for (const one of [...CHECKS, ...(long ? [LAW] : [])]) await check(one, aside);
    await tests(projects('pure', 'unit'), aside);
  })();
  await tests(projects('e2e'));
  await calm;
  for (const text of aside) process.stdout.write(text);
  await tests(projects('paced', 'live'));
  if (long) await check(LIVE_LAW);
}

process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

function projects(...names) {
  return names.flatMap((name) => ['--project', name]);
}

async function check([name, command], aside) {
  const ok = (await run(command, aside)) === 0;
  if (ok) passed += 1;
  else failed += 1;
  tell(`${ok ? 'passed' : 'FAILED'}: ${name}\n`, aside);
}

async function tests(given, aside) {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-test-'));
  const report = join(folder, 'report.json');
  const vitest = [join(binaries, 'vitest/vitest.mjs'), 'run'];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const status = await run([...vitest, ...reporters, ...given], aside);
  let ended = 0;
  try {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    passed += numPassedTests;
    // A file that does not even load has no failed test in it.
    const unloaded = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
    ended = numFailedTests + unloaded.length;
    // What is said of a run without any test, or of errors outside of tests.
    if (ended === 0 && (status !== 0 || numPassedTests === 0)) ended = 1;
  } catch (error) {
    tell(`the test report cannot be read: ${error.message}\n`, aside);
    ended = 1;
  }
  failed += ended;
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Runs a Node program, and resolves to its exit status.
 *
 * @param {string[]} command
 * @param {string[] | undefined} aside takes what it prints, and makes it give way to everything else
 */
function run(command, aside) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, command, {
      cwd: root,
      stdio: aside === undefined ? 'inherit' : ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(long ? { LOADLINE_TEST_LONG: '1' } : {}) },
    });
    child.once('error', (error) => tell(`${error.message}\n`, aside));
    // Before it has threads and children: they have the priority of who starts them.
    if (aside !== undefined && child.pid !== undefined)
      setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => tell(String(chunk), aside));
    child.once('close', resolve);
  });
}

function tell(text, aside) {
  if (aside === undefined) process.stdout.write(text);
  else aside.push(text);
}
