// `npm test`: sets the checkout up, then checks, types and tests, and ends with one line `N passed, N failed`.
// `--long` adds the tests that take longer (regenerations, the law's full suite). Other arguments go to vitest.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const long = process.argv.includes('--long');
const rest = process.argv.slice(2).filter((argument) => argument !== '--long');

await setup(['--quiet', '--envoy']);

let passed = 0;
let failed = 0;
const binaries = join(root, 'node_modules');

check('types (tsc)', [join(binaries, 'typescript/bin/tsc'), '--noEmit']);
check('lint, format, room borders (biome)', [join(binaries, '@biomejs/biome/bin/biome'), 'check', '.']);
check('unused code (knip)', [join(binaries, 'knip/bin/knip.js'), '--no-progress']);
if (long) {
  check('the law in virtual time (npm run sim:law)', [join(root, 'scripts/compiled.js'), 'bench/law/main.ts']);
  check('the law on real Envoys (npm run e2e:shift)', [
    join(root, 'scripts/compiled.js'),
    '--envoy',
    'bench/shift/main.ts',
  ]);
}
tests();

process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 ? 0 : 1);

function check(name, command) {
  const done = spawnSync(process.execPath, command, { cwd: root, stdio: 'inherit' });
  if (done.status === 0) passed += 1;
  else failed += 1;
  process.stdout.write(`${done.status === 0 ? 'passed' : 'FAILED'}: ${name}\n`);
}

function tests() {
  const folder = mkdtempSync(join(tmpdir(), 'loadline-test-'));
  const report = join(folder, 'report.json');
  const done = spawnSync(
    process.execPath,
    [
      join(binaries, 'vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...rest,
    ],
    { cwd: root, stdio: 'inherit', env: { ...process.env, ...(long ? { LOADLINE_TEST_LONG: '1' } : {}) } },
  );
  let counted = false;
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites, testResults } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    passed += numPassedTests;
    failed += numFailedTests;
    counted = numPassedTests + numFailedTests > 0;
    // A file that does not even load has no failed test in it.
    failed += testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
    if (done.status !== 0 && numFailedTests === 0 && numFailedTestSuites === 0) failed += 1;
  } catch (error) {
    process.stdout.write(`the test report cannot be read: ${error.message}\n`);
  }
  if (!counted || (done.status !== 0 && failed === 0)) failed += 1;
  rmSync(folder, { recursive: true, force: true });
}
