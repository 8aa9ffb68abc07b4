// Runs a program of bench/ as the product runs: compiled by tsc.
//   node scripts/compiled.js [--envoy] [NODE OPTIONS] bench/main.ts [ARGUMENTS]
// Under a loader each closure would be wrapped to keep its name, hot paths included, and the loader's own thread would count
// as ours. What is compiled lies in build/, with links to what the code looks up beside itself.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, 'build');
const BESIDE = ['bin', 'data', 'docs', 'package.json', 'proto'];

const given = process.argv.slice(2);
const at = given.findIndex((argument) => !argument.startsWith('--'));
const program = given[at];
if (program === undefined) {
  process.stderr.write('compiled: expected a program, such as bench/main.ts\n');
  process.exit(2);
}
const flags = given.slice(0, at);
await setup(['--quiet', ...flags.filter((flag) => flag === '--envoy')]);

mkdirSync(out, { recursive: true });
for (const name of BESIDE)
  if (!existsSync(join(out, name))) symlinkSync(join('..', name), join(out, name), name.includes('.') ? 'file' : 'dir');
const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.bench.json')];
const compiled = spawnSync(process.execPath, tsc, { cwd: root, stdio: 'inherit' });
if (compiled.status !== 0) process.exit(1);

const child = spawn(
  process.execPath,
  [
    '--enable-source-maps',
    ...flags.filter((flag) => flag !== '--envoy'),
    join(out, program.replace(/\.ts$/, '.js')),
    ...given.slice(at + 1),
  ],
  { cwd: root, stdio: 'inherit' },
);
// A terminal tells both; who kills this one means the other.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.on(signal, () => {
    if (signal === 'SIGTERM') child.kill(signal);
  });
}
child.once('exit', (code) => process.exit(code ?? 1));
