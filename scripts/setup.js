// Sets a checkout up: dependencies from the lock file, build, and with --envoy the Envoy binary. Plain JavaScript without
// dependencies, because it runs before anything is installed. Does only what is missing or older than its source.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @param {string[]} flags */
export async function setup(flags) {
  const quiet = flags.includes('--quiet');
  requireNode();
  if (isOlder(join(root, 'node_modules/.package-lock.json'), [join(root, 'package-lock.json')])) {
    step('installing dependencies (npm ci)');
    run(process.platform === 'win32' ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], quiet);
  }
  const stamp = join(root, 'dist/.tsbuildinfo');
  if (isOlder(stamp, [join(root, 'src'), join(root, 'tsconfig.json'), join(root, 'tsconfig.build.json')])) {
    step('building (tsc)');
    rmSync(stamp, { force: true });
    run(
      process.execPath,
      [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')],
      quiet,
    );
  }
  if (flags.includes('--envoy')) {
    const { findEnvoy } = await import(pathToFileURL(join(root, 'dist/edge/envoy/index.js')).href);
    const binary = await findEnvoy({ log: step });
    if (!quiet) step(`envoy: ${binary}`);
  }
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    process.stderr.write(`Loadline needs Node 20.19 or newer; this is ${process.versions.node}.\n`);
    process.exit(1);
  }
}

/** Whether the target is missing or older than any file under the sources. */
function isOlder(target, sources) {
  if (!existsSync(target)) return true;
  const made = statSync(target).mtimeMs;
  return sources.some((source) => newest(source) > made);
}

function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return readdirSync(path).reduce((latest, name) => Math.max(latest, newest(join(path, name))), stat.mtimeMs);
}

function step(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function run(command, args, quiet) {
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', quiet ? 'pipe' : 2, quiet ? 'pipe' : 2],
    encoding: 'utf8',
  });
  if (done.status === 0) return;
  if (quiet) process.stderr.write(`${done.stdout ?? ''}${done.stderr ?? ''}`);
  process.stderr.write(
    `setup: '${command} ${args.join(' ')}' failed (${done.error?.message ?? `exit code ${done.status}`})\n`,
  );
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup(process.argv.slice(2));
